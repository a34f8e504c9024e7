"""Where metrics are by default."""

# The port that OpenTelemetry's specification has for an exporter of metrics to Prometheus. Only
# this machine can reach it: the page has paths of requests, and function names.
DEFAULT_ADDRESS = "127.0.0.1:9464"

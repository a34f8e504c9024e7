"""The second signal ends the process, wherever it is.

A handler of Python's runs between two bytecodes: not while an application waits in C for what
never comes, nor in a loop that nobody leaves. So signals that ask for an end get a handler in C
in front of Python's. It counts them. The first one is Python's alone. The second one starts a
timer too: what has not ended in order when it is over ends there, and the third one does not
wait. Before anything is served nobody has to be answered, and all of that comes a signal earlier.
Only what POSIX calls async-signal-safe is called, and setitimer, a plain system call.

The timer is ITIMER_REAL, which `loop/stall.py` uses until then: a process has one.

Must never know: what is ended.
"""

cdef extern from *:
    """
    #include <errno.h>
    #include <signal.h>
    #include <string.h>
    #include <sys/time.h>
    #include <unistd.h>

    #define SIGNALS 32
    static volatile sig_atomic_t insist_heard, insist_code, insist_timer_is_ours;
    static volatile sig_atomic_t insist_serves;
    static struct sigaction insist_next[SIGNALS], insist_alarm_before;
    static struct itimerval insist_patience;

    static void insist_exit(int number) {
        (void)number;
        _exit(insist_code);
    }

    static void insist_start(void) {
        struct sigaction last;
        memset(&last, 0, sizeof last);
        last.sa_handler = insist_exit;
        sigaction(SIGALRM, &last, insist_timer_is_ours ? NULL : &insist_alarm_before);
        insist_timer_is_ours = 1;
        setitimer(ITIMER_REAL, &insist_patience, NULL);
    }

    static void insist_hear(int number) {
        int error = errno;
        void (*next)(int) = insist_next[number].sa_handler;
        insist_heard++;
        if (insist_heard > 1)
            insist_code = 128 + number;
        if (insist_heard == 1 && !insist_serves) {
            insist_code = number == SIGTERM ? 0 : 128 + number;
            insist_heard = 2;
        }
        if (insist_heard > 2)
            _exit(insist_code);
        if (insist_heard == 2)
            insist_start();
        if (next != SIG_DFL && next != SIG_IGN)
            next(number);
        errno = error;
    }

    static void insist_patience_is(double seconds) {
        insist_patience.it_value.tv_sec = (time_t)seconds;
        insist_patience.it_value.tv_usec = 1 + (suseconds_t)((seconds - (time_t)seconds) * 999999);
    }

    static int insist_on(int number) {
        struct sigaction mine;
        if (number < 1 || number >= SIGNALS || sigaction(number, NULL, &mine) < 0)
            return -1;
        if (mine.sa_flags & SA_SIGINFO || mine.sa_handler == insist_hear)
            return 0;  /* another one's that takes more arguments, or done already */
        insist_next[number] = mine;
        mine.sa_handler = insist_hear;
        return sigaction(number, &mine, NULL);
    }

    static void insist_end(void) {
        struct itimerval never;
        if (!insist_timer_is_ours)
            return;
        memset(&never, 0, sizeof never);
        setitimer(ITIMER_REAL, &never, NULL);
        sigaction(SIGALRM, &insist_alarm_before, NULL);
        insist_timer_is_ours = 0;
    }

    static void insist_begin(int serves) {
        insist_serves = serves;
        insist_heard = 0;
    }
    static void insist_exit_with(int code) { insist_code = code; insist_start(); }
    """
    void insist_begin(bint serves) nogil
    void insist_end() nogil
    void insist_patience_is(double seconds) nogil
    void insist_exit_with(int code) nogil
    int insist_on(int number) nogil


def insist(numbers, double patience_s, bint serves=True):
    insist_begin(serves)
    insist_patience_is(patience_s)
    for number in numbers:
        if insist_on(number) < 0:
            raise ValueError(f"{number!r} is no signal that can be handled")


def relent():
    insist_end()


def exit_within(double patience_s, int code):
    insist_patience_is(patience_s)
    insist_exit_with(code)

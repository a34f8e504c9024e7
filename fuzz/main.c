/* libFuzzer's two entry points, on top of an embedded Python that runs harness.pyx. */
#include <Python.h>
#include <stdint.h>

typedef int (*fuzz_one_t)(const uint8_t *, size_t);
static fuzz_one_t fuzz_one;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    Py_InitializeEx(0); /* 0: signals stay libFuzzer's */
    PyObject *harness = PyImport_ImportModule("harness");
    PyObject *address = harness ? PyObject_GetAttrString(harness, "address") : NULL;
    fuzz_one = address ? (fuzz_one_t)PyLong_AsVoidPtr(address) : NULL;
    if (!fuzz_one) {
        PyErr_Print();
        return 1;
    }
    Py_DECREF(address); /* the module stays referenced: its code is running */
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_one ? fuzz_one(data, size) : -1;
}

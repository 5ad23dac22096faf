#include "swage_blas.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

enum { row_major = 101, no_trans = 111, trans = 112, single_threaded = 1 };

typedef void (*sgemm_function)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                               int lda, const float *b, int ldb, float beta, float *c, int ldc);

static sgemm_function sgemm;

// Accelerate's BLASSetThreading and BLASGetThreading, from macOS 15 on.
static int (*set_threading)(unsigned);
static unsigned (*get_threading)(void);

static void *find(void *library, const char *name) {
    // The wheel of scipy-openblas32 puts a prefix before every name.
    char prefixed[64];
    snprintf(prefixed, sizeof prefixed, "scipy_%s", name);
    void *symbol = dlsym(library, prefixed);
    return symbol ? symbol : dlsym(library, name);
}

const char *swage_blas_bind(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return dlerror();
    sgemm_function found = (sgemm_function)find(library, "cblas_sgemm");
    if (!found) return "the library has no cblas_sgemm";
    sgemm = found;
    // Threads of the library's own would go on looking for work on the cores that the next kernel needs.
    void (*set_threads)(int) = (void (*)(int))find(library, "openblas_set_num_threads");
    if (set_threads) set_threads(1);
    get_threading = (unsigned (*)(void))dlsym(library, "BLASGetThreading");
    set_threading = get_threading ? (int (*)(unsigned))dlsym(library, "BLASSetThreading") : NULL;
    return NULL;
}

bool swage_blas_is_bound(void) { return sgemm != NULL; }

void swage_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, int lda, const float *b,
                 int ldb, float beta, float *c, int ldc) {
    // Accelerate has a setting for each thread, and whoever else computes on this one shall find it as it was.
    unsigned before = set_threading ? get_threading() : 0;
    if (set_threading) set_threading(single_threaded);
    sgemm(row_major, transpose_a ? trans : no_trans, transpose_b ? trans : no_trans, m, n, k, 1.0f, a, lda, b, ldb,
          beta, c, ldc);
    if (set_threading) set_threading(before);
}

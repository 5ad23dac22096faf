// A CBLAS of plain loops, for swage_blas_bind to find. NAME is what its names have before them; with LIKE_ACCELERATE it
// is told how many threads to use as Accelerate is, and without as OpenBLAS is.

#include <stddef.h>

#define JOINED(prefix, name) prefix##name
#define WITH(prefix, name) JOINED(prefix, name)

#ifdef LIKE_ACCELERATE

/// 0 for several threads, which is what each thread begins with, and 1 for one.
static _Thread_local unsigned threading;

int BLASSetThreading(unsigned wanted);
unsigned BLASGetThreading(void);

int BLASSetThreading(unsigned wanted) {
    threading = wanted;
    return 0;
}

unsigned BLASGetThreading(void) { return threading; }

static int has_one_thread(void) { return threading == 1; }

#else

static int threads = 77;

void WITH(NAME, openblas_set_num_threads)(int count);

void WITH(NAME, openblas_set_num_threads)(int count) { threads = count; }

static int has_one_thread(void) { return threads == 1; }

#endif

void WITH(NAME, cblas_sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                             int lda, const float *b, int ldb, float beta, float *c, int ldc);

/// Row-major alone, and on the calling thread alone: asked for anything else it does nothing.
void WITH(NAME, cblas_sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                             int lda, const float *b, int ldb, float beta, float *c, int ldc) {
    enum { row_major = 101, trans = 112 };
    if (order != row_major || !has_one_thread()) return;
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = 0; j < n; j++) {
            double sum = 0;
            for (ptrdiff_t p = 0; p < k; p++)
                sum += (double)a[trans_a == trans ? p * lda + i : i * lda + p] *
                       (double)b[trans_b == trans ? j * ldb + p : p * ldb + j];
            c[i * ldc + j] = (float)(alpha * sum + (beta == 0 ? 0 : (double)beta * c[i * ldc + j]));
        }
}

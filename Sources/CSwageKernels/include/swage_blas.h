#ifndef SWAGE_BLAS_H
#define SWAGE_BLAS_H

#include <stdbool.h>

/// Binds the CBLAS in the shared library at `path`, whose products then run on the calling thread alone.
/// Returns NULL, or what is wrong.
const char *swage_blas_bind(const char *path);

/// C[m, n] = alpha * op(A)[m, k] * op(B)[k, n] + beta * C, all row-major; op transposes where asked.
/// lda, ldb and ldc are the distances between the rows as they are stored.
void swage_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc);

/// y[m] = A[m, n] * x[n], row-major.
void swage_sgemv(int m, int n, const float *a, int lda, const float *x, float *y);

#endif

#ifndef SWAGE_BLAS_H
#define SWAGE_BLAS_H

#include <stdbool.h>

/// Binds the CBLAS in the shared library at `path`, and has it multiply on the thread that calls. Returns NULL, or what
/// is wrong.
const char *swage_blas_bind(const char *path);

/// Whether one is bound.
bool swage_blas_is_bound(void);

/// C[m, n] = op(A)[m, k] * op(B)[k, n] + beta * C, all row-major; op transposes where asked.
/// lda, ldb and ldc are the distances between the rows as they are stored. Several threads may call it at once, if a
/// library is bound.
void swage_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, int lda, const float *b,
                 int ldb, float beta, float *c, int ldc);

#endif

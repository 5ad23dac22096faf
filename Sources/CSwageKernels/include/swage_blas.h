#ifndef SWAGE_BLAS_H
#define SWAGE_BLAS_H

#include "swage_team.h"

#include <stdbool.h>

/// Binds the CBLAS in the shared library at `path`. Returns NULL, or what is wrong.
const char *swage_blas_bind(const char *path);

/// Whether the bound library divides a product by itself and lets a team work on it.
bool swage_blas_uses_teams(void);

/// C[m, n] = op(A)[m, k] * op(B)[k, n] + beta * C, all row-major; op transposes where asked.
/// lda, ldb and ldc are the distances between the rows as they are stored.
///
/// With a team, its threads share the work, and products of other teams wait. Without one, the calling thread does it
/// alone: only for libraries that do not use teams.
void swage_sgemm(swage_team *team, bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc);

#endif

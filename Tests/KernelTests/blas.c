#include "swage_blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "check.h"
#include "plain_product.h"
#include "tests.h"

static void product(const char *thread, size_t m, size_t n, size_t k, size_t gap, bool transposes_a, bool transposes_b,
                    float beta) {
    begin_case("swage_sgemm", "on %s, m %zu, n %zu, k %zu, gap %zu, beta %g%s%s", thread, m, n, k, gap, (double)beta,
               transposes_a ? ", A transposed" : "", transposes_b ? ", B transposed" : "");
    size_t lda = (transposes_a ? m : k) + gap, ldb = (transposes_b ? k : n) + 2 * gap, ldc = n + 3 * gap;
    float *a = random_floats((transposes_a ? k : m) * lda), *b = random_floats((transposes_b ? n : k) * ldb);
    float *c = beta == 0 ? unwritten(m * ldc) : random_floats(m * ldc);
    double *expected = doubles(c, m * ldc), *magnitude = zeros(m * ldc);
    matrix left = {a, transposes_a ? 1 : lda, transposes_a ? lda : 1};
    matrix right = {b, transposes_b ? 1 : ldb, transposes_b ? ldb : 1};
    plain_product(m, n, k, left, right, (double)beta, expected, magnitude, ldc);
    swage_sgemm(transposes_a, transposes_b, (int)m, (int)n, (int)k, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
    expect_close("C", c, expected, magnitude, m * ldc, 2e-6);
}

static void refusals(void) {
    begin_case("swage_blas_is_bound", "before any library");
    expect(!swage_blas_is_bound(), "one is bound");

    begin_case("swage_blas_bind", "no file");
    const char *wrong = swage_blas_bind("/nowhere/lib.so");
    expect(wrong && strstr(wrong, "/nowhere/lib.so"), "it says: %s", wrong ? wrong : "nothing");

    // NULL is the program itself.
    begin_case("swage_blas_bind", "no cblas_sgemm");
    wrong = swage_blas_bind(NULL);
    expect(wrong && strstr(wrong, "cblas_sgemm"), "it says: %s", wrong ? wrong : "nothing");

    begin_case("swage_blas_is_bound", "after what could not be bound");
    expect(!swage_blas_is_bound(), "one is bound");
}

static void *products(void *thread) {
    const float betas[] = {0, 1, -0.5f};
    for (size_t b = 0; b < sizeof betas / sizeof *betas; b++)
        for (int kind = 0; kind < 4; kind++) {
            product(thread, 3, 5, 7, 0, kind & 1, kind & 2, betas[b]);
            product(thread, 1, 1, 1, 2, kind & 1, kind & 2, betas[b]);
            product(thread, 6, 17, 4, 3, kind & 1, kind & 2, betas[b]);
        }
    return NULL;
}

static void library(const char *path) {
    begin_case("swage_blas_bind", "%s", path);
    const char *wrong = swage_blas_bind(path);
    expect(wrong == NULL, "it says: %s", wrong ? wrong : "nothing");

    begin_case("swage_blas_is_bound", "%s", path);
    expect(swage_blas_is_bound(), "none is bound");
    if (!swage_blas_is_bound()) return;
    products("the thread that bound it");
    // Accelerate is told anew by every thread.
    pthread_t other;
    if (pthread_create(&other, NULL, products, "another thread") == 0) pthread_join(other, NULL);
}

/// What else uses Accelerate on this thread has as many threads as before.
static void threading_stays(const char *path) {
    begin_case("swage_sgemm", "the setting of %s", path);
    void *opened = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    unsigned (*threading)(void) = opened ? (unsigned (*)(void))dlsym(opened, "BLASGetThreading") : NULL;
    expect(threading && threading() == 0, "it is %u after the products", threading ? threading() : 99);
}

void test_blas(const char *plain, const char *prefixed, const char *like_accelerate) {
    refusals();
    library(plain);
    library(like_accelerate);
    threading_stays(like_accelerate);
    library(prefixed);
}

#include "swage_matrix_product.h"

#include "check.h"
#include "plain_product.h"
#include "tests.h"

static const double bound = 2e-6;

static void scratch_size(void) {
    begin_case("swage_matrix_product_scratch", "once and again");
    size_t count = swage_matrix_product_scratch();
    expect(count > 0 && count == swage_matrix_product_scratch(), "%zu numbers", count);
}

static void product(size_t m, size_t n, size_t k, size_t gap, bool transposes_a, bool transposes_b, bool accumulates) {
    begin_case("swage_matrix_product", "m %zu, n %zu, k %zu, gap %zu%s%s%s", m, n, k, gap,
               transposes_a ? ", A transposed" : "", transposes_b ? ", B transposed" : "",
               accumulates ? ", accumulating" : "");
    size_t lda = (transposes_a ? m : k) + gap, ldb = (transposes_b ? k : n) + 2 * gap, ldc = n + 3 * gap;
    float *a = random_floats((transposes_a ? k : m) * lda), *b = random_floats((transposes_b ? n : k) * ldb);
    float *c = accumulates ? random_floats(m * ldc) : unwritten(m * ldc);
    float *scratch = unwritten(swage_matrix_product_scratch());
    double *expected = doubles(c, m * ldc), *magnitude = zeros(m * ldc);
    matrix left = {a, transposes_a ? 1 : lda, transposes_a ? lda : 1};
    matrix right = {b, transposes_b ? 1 : ldb, transposes_b ? ldb : 1};
    // Where k is 0, C stays as it is.
    if (k > 0) plain_product(m, n, k, left, right, accumulates, expected, magnitude, ldc);
    swage_matrix_product(transposes_a, transposes_b, m, n, k, a, lda, b, ldb, accumulates, c, ldc, scratch);
    expect_close("C", c, expected, magnitude, m * ldc, bound);
}

void test_matrix_products(void) {
    // Around a tile of 6 rows, 96 rows, 1024 columns and 256 of k, where blocks end.
    const size_t shapes[][3] = {{1, 1, 1},    {5, 15, 3},   {6, 16, 8},    {7, 33, 255}, {97, 31, 257}, {12, 1025, 20},
                                {96, 8, 256}, {13, 9, 513}, {1, 64, 300},  {64, 1, 300}, {3, 5, 0},     {0, 4, 7},
                                {4, 0, 7},    {1, 1030, 2}, {193, 3, 258}, {2, 2, 2}};
    scratch_size();
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int kind = 0; kind < 8; kind++)
            for (size_t gap = 0; gap <= 3; gap += 3)
                product(shapes[s][0], shapes[s][1], shapes[s][2], gap, kind & 1, kind & 2, kind & 4);
}

#include "swage_products.h"

#include "check.h"
#include "plain_product.h"
#include "tests.h"

static const double bound = 2e-6;

static void lanes(void) {
    begin_case("swage_product_lanes", "this machine");
    size_t found = swage_product_lanes();
    expect(found == 4 || found == 8 || found == 16, "%zu lanes", found);
#if defined(__aarch64__)
    expect(found == 4, "%zu lanes, and its vectors have 128 bits", found);
#endif
}

static void block_product(size_t m, size_t n, size_t k, size_t gap, bool transposes_a, bool accumulates) {
    begin_case("swage_block_product", "m %zu, n %zu, k %zu, gap %zu%s%s", m, n, k, gap,
               transposes_a ? ", A transposed" : "", accumulates ? ", accumulating" : "");
    size_t a_row = transposes_a ? 1 : k + gap, a_column = transposes_a ? m + gap : 1, ldb = n + gap, ldc = n + 2 * gap;
    float *a = random_floats(transposes_a ? k * a_column : m * a_row), *b = random_floats(k * ldb);
    float *c = accumulates ? random_floats(m * ldc) : unwritten(m * ldc);
    double *expected = doubles(c, m * ldc), *magnitude = zeros(m * ldc);
    plain_product(m, n, k, (matrix){a, a_row, a_column}, (matrix){b, ldb, 1}, accumulates, expected, magnitude, ldc);
    swage_block_product(m, n, k, a, a_row, a_column, b, ldb, c, ldc, accumulates);
    expect_close("C", c, expected, magnitude, m * ldc, bound);
}

static void pack_panels(size_t rows, size_t columns, size_t width, size_t gap) {
    begin_case("swage_pack_panels", "rows %zu, columns %zu, width %zu, gap %zu", rows, columns, width, gap);
    size_t stride = columns + gap, panels = (rows + width - 1) / width, count = panels * columns * width;
    float *x = random_floats(rows * stride), *packed = unwritten(count);
    double *expected = zeros(count);
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            expected[row / width * columns * width + column * width + row % width] = x[row * stride + column];
    swage_pack_panels(x, stride, rows, columns, width, packed);
    expect_close("packed", packed, expected, NULL, count, 0);
}

/// A part of a single panel's columns, as a cache of keys that grows writes it.
static void pack_part(size_t rows, size_t begin, size_t columns) {
    begin_case("swage_pack_panels", "rows %zu, columns %zu after %zu", rows, columns, begin);
    enum { width = swage_panel_columns };
    size_t all = begin + columns;
    float *x = random_floats(rows * all), *packed = unwritten(all * width);
    double *expected = doubles(packed, all * width);
    for (size_t column = begin; column < all; column++)
        for (size_t row = 0; row < width; row++)
            expected[column * width + row] = row < rows ? x[row * all + column] : 0;
    swage_pack_panels(x + begin, all, rows, columns, width, packed + begin * width);
    expect_close("packed", packed, expected, NULL, all * width, 0);
}

static void panel_product(size_t m, size_t keys, size_t k, size_t gap) {
    begin_case("swage_panel_product", "m %zu, keys %zu, k %zu, gap %zu", m, keys, k, gap);
    enum { width = swage_panel_columns };
    size_t panels = (keys + width - 1) / width, n = panels * width, ldc = n + gap;
    float *a = random_floats(m * (k + gap)), *b = random_floats(n * k);
    float *packed = unwritten(n * k), *c = unwritten(m * ldc);
    for (size_t i = keys * k; i < n * k; i++) b[i] = 0;
    swage_pack_panels(b, k, keys, k, width, packed);
    double *expected = doubles(c, m * ldc), *magnitude = zeros(m * ldc);
    plain_product(m, n, k, (matrix){a, k + gap, 1}, (matrix){b, 1, k}, 0, expected, magnitude, ldc);
    swage_panel_product(m, panels, k, a, k + gap, packed, c, ldc);
    expect_close("C", c, expected, magnitude, m * ldc, bound);
}

void test_block_products(void) {
    // Tiles have 6, 3, 8, 4 or 1 rows, and twice or once as many columns as there are lanes.
    const size_t rows[] = {0, 1, 3, 4, 5, 6, 7, 8, 9, 13, 16, 49},
                 columns[] = {0, 1, 3, 4, 7, 8, 11, 16, 29, 32, 40, 65};
    const size_t depths[] = {0, 1, 19}, widths[] = {8, 24, 32};
    lanes();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < sizeof columns / sizeof *columns; j++) {
            for (size_t p = 0; p < sizeof depths / sizeof *depths; p++)
                for (int kind = 0; kind < 4; kind++)
                    block_product(rows[i], columns[j], depths[p], (i + j) % 2 * 3, kind & 1, kind & 2);
            panel_product(rows[i], columns[j], 11, (i + j) % 2 * 5);
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
                pack_panels(columns[j], rows[i], widths[w], (i + j) % 2 * 3);
            if (columns[j] > 0 && columns[j] <= swage_panel_columns) pack_part(columns[j], rows[i], 1 + j % 3);
        }
}

#include "swage_products.h"

#include "check.h"
#include "plain_product.h"
#include "tests.h"

static const double bound = 2e-6;

static void weight_product(size_t outputs, size_t inputs, size_t rows, size_t gap) {
    size_t width = (rows + swage_panel_unit - 1) / swage_panel_unit * swage_panel_unit, stride = outputs + gap;
    if (width > swage_panel_columns) width = swage_panel_columns;
    begin_case("swage_weight_product", "outputs %zu, inputs %zu, rows %zu, gap %zu", outputs, inputs, rows, gap);
    float *weight = random_floats(outputs * inputs), *x = random_floats(rows * inputs), *y = unwritten(rows * stride);
    float *packed = unwritten((rows + width - 1) / width * width * inputs);
    swage_pack_panels(x, inputs, rows, inputs, width, packed);
    double *expected = doubles(y, rows * stride), *magnitude = zeros(rows * stride);
    plain_product(rows, outputs, inputs, (matrix){x, inputs, 1}, (matrix){weight, 1, inputs}, 0, expected, magnitude,
                  stride);
    swage_weight_product(weight, outputs, inputs, packed, width, rows, y, stride);
    expect_close("y", y, expected, magnitude, rows * stride, bound);
}

static void vector_product(size_t outputs, size_t inputs) {
    begin_case("swage_vector_product", "outputs %zu, inputs %zu", outputs, inputs);
    float *weight = random_floats(outputs * inputs), *x = random_floats(inputs), *y = unwritten(outputs);
    double *expected = zeros(outputs), *magnitude = zeros(outputs);
    plain_product(outputs, 1, inputs, (matrix){weight, inputs, 1}, (matrix){x, 1, 1}, 0, expected, magnitude, 1);
    swage_vector_product(weight, outputs, inputs, x, y);
    expect_close("y", y, expected, magnitude, outputs, bound);
}

void test_weight_products(void) {
    const size_t output_counts[] = {0, 1, 23, 24, 25, 53}, depths[] = {0, 1, 5, 64, 130};
    const size_t row_counts[] = {1, 3, 8, 16, 17, 24, 32, 33, 70, 96};
    for (size_t o = 0; o < sizeof output_counts / sizeof *output_counts; o++) {
        for (size_t i = 0; i < size_count; i++) vector_product(output_counts[o], sizes[i]);
        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
            for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++)
                weight_product(output_counts[o], depths[i], row_counts[r], (o + i + r) % 2 * 3);
    }
    vector_product(3, 0);
    vector_product(2, 1500);
}

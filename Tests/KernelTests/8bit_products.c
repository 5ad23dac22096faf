#include "swage_products.h"

#include <float.h>
#include <math.h>

#include "check.h"
#include "plain_product.h"
#include "tests.h"

enum { group = swage_8bit_group };
static const double bound = 2e-6;

static size_t group_count(size_t inputs) { return (inputs + group - 1) / group; }

/// Weights of which some groups are smaller than others by far, down to numbers whose inverse is no float.
static float *make_weights(size_t outputs, size_t inputs) {
    const float scales[] = {1, 1e-3f, 1e20f, 1e-30f, 3e-37f, 1e-40f, 0};
    float *weight = random_floats(outputs * inputs);
    for (size_t i = 0; i < outputs * inputs; i++)
        weight[i] *= scales[(i / inputs + i % inputs / group) % (sizeof scales / sizeof *scales)];
    return weight;
}

static void quantize(size_t outputs, size_t inputs) {
    begin_case("swage_quantize_8bit", "outputs %zu, inputs %zu", outputs, inputs);
    size_t groups = group_count(inputs);
    float *weight = make_weights(outputs, inputs), *scales = unwritten(outputs * groups);
    int8_t *quantized = bytes(outputs * groups * group);
    for (size_t i = 0; i < outputs * groups * group; i++) quantized[i] = 99;
    swage_quantize_8bit(weight, outputs, inputs, quantized, scales);
    for (size_t g = 0; g < outputs * groups; g++) {
        const float *own = weight + g / groups * inputs + g % groups * group;
        size_t count = inputs - g % groups * group < group ? inputs - g % groups * group : group;
        double largest = 0, worst = 0;
        int top = 0, filled = 0;
        for (size_t i = 0; i < group; i++) {
            int found = quantized[g * group + i];
            if (i >= count) {
                filled += found != 0;
                continue;
            }
            largest = fmax(largest, fabs(own[i]));
            worst = fmax(worst, fabs((double)found * scales[g] - own[i]));
            top = found > top ? found : -found > top ? -found : top;
        }
        bool vanishes = largest / 127 < FLT_MIN;
        double scale = vanishes ? 0 : largest / 127;
        expect(fabs(scales[g] - scale) <= 1e-6 * scale, "the scale of group %zu is %g, not %g", g, (double)scales[g],
               scale);
        expect(top == (vanishes ? 0 : 127), "the largest of group %zu becomes %d", g, top);
        expect(worst <= (vanishes ? largest : scale / 2 * 1.0001),
               "a weight of group %zu is off by %g, with a scale of %g", g, worst, scale);
        expect(filled == 0, "%d weights behind the end of group %zu are not 0", filled, g);
    }
}

typedef struct {
    int8_t *weight;
    float *scales;
    /// weight * scale, which a float holds nearly.
    float *restored;
} matrix_8bit;

static matrix_8bit make_matrix(size_t outputs, size_t inputs) {
    size_t groups = group_count(inputs);
    matrix_8bit made = {bytes(outputs * groups * group), random_floats(outputs * groups), unwritten(outputs * inputs)};
    for (size_t o = 0; o < outputs; o++)
        for (size_t i = 0; i < inputs; i++) {
            // All of -128...127: the kernels have a meaning for each.
            int number = only_zeros ? 0 : (int)random_size(0, 256) - 128;
            made.weight[o * groups * group + i] = (int8_t)number;
            made.restored[o * inputs + i] = (float)number * made.scales[o * groups + i / group];
        }
    return made;
}

static void vector_product(size_t outputs, size_t inputs) {
    begin_case("swage_vector_product_8bit", "outputs %zu, inputs %zu", outputs, inputs);
    matrix_8bit given = make_matrix(outputs, inputs);
    float *x = random_floats(inputs), *y = unwritten(outputs);
    double *expected = zeros(outputs), *magnitude = zeros(outputs);
    plain_product(outputs, 1, inputs, (matrix){given.restored, inputs, 1}, (matrix){x, 1, 1}, 0, expected, magnitude,
                  1);
    swage_vector_product_8bit(given.weight, given.scales, outputs, inputs, x, y);
    expect_close("y", y, expected, magnitude, outputs, bound);
}

static void weight_product(size_t outputs, size_t inputs, size_t rows, size_t gap) {
    size_t width = (rows + swage_panel_unit - 1) / swage_panel_unit * swage_panel_unit, stride = outputs + gap;
    if (width > swage_panel_columns) width = swage_panel_columns;
    begin_case("swage_weight_product_8bit", "outputs %zu, inputs %zu, rows %zu, gap %zu", outputs, inputs, rows, gap);
    matrix_8bit given = make_matrix(outputs, inputs);
    float *x = random_floats(rows * inputs), *y = unwritten(rows * stride);
    float *packed = unwritten((rows + width - 1) / width * width * inputs);
    float *scratch = unwritten(swage_8bit_restored_rows * inputs);
    swage_pack_panels(x, inputs, rows, inputs, width, packed);
    double *expected = doubles(y, rows * stride), *magnitude = zeros(rows * stride);
    plain_product(rows, outputs, inputs, (matrix){x, inputs, 1}, (matrix){given.restored, 1, inputs}, 0, expected,
                  magnitude, stride);
    swage_weight_product_8bit(given.weight, given.scales, outputs, inputs, packed, width, rows, y, stride, scratch);
    expect_close("y", y, expected, magnitude, rows * stride, bound);
}

void test_8bit_products(void) {
    const size_t output_counts[] = {0, 1, 23, 24, 25, 53}, depths[] = {1, 5, 64, 130};
    const size_t row_counts[] = {1, 3, 8, 17, 32, 33, 70};
    for (size_t o = 0; o < sizeof output_counts / sizeof *output_counts; o++) {
        for (size_t i = 0; i < size_count; i++) {
            quantize(output_counts[o], sizes[i]);
            vector_product(output_counts[o], sizes[i]);
        }
        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
            for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++)
                weight_product(output_counts[o], depths[i], row_counts[r], (o + i + r) % 2 * 3);
    }
}

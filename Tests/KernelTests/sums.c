#include "swage_kernels.h"

#include <math.h>

#include "check.h"
#include "tests.h"

static const double bound = 2e-6;
static const size_t row_counts[] = {0, 1, 3};

/// Single additions, which leave no choice: the same bits.
static void add(size_t count) {
    begin_case("swage_add", "count %zu", count);
    float *x = random_floats(count), *y = random_floats(count);
    double *expected = zeros(count);
    for (size_t i = 0; i < count; i++) expected[i] = y[i] + x[i];
    swage_add(y, x, count);
    expect_close("y", y, expected, NULL, count, 0);
}

static void add_bias(size_t rows, size_t channels) {
    begin_case("swage_add_bias", "rows %zu, channels %zu", rows, channels);
    size_t count = rows * channels;
    float *bias = random_floats(channels), *y = random_floats(count);
    double *expected = zeros(count);
    for (size_t i = 0; i < count; i++) expected[i] = y[i] + bias[i % channels];
    swage_add_bias(y, bias, rows, channels);
    expect_close("y", y, expected, NULL, count, 0);
}

static void bias_backward(size_t rows, size_t channels, size_t gap) {
    begin_case("swage_bias_backward", "rows %zu, channels %zu, gap %zu", rows, channels, gap);
    size_t stride = channels + gap;
    float *dy = random_floats(rows * stride), *dbias = random_floats(channels);
    double *expected = zeros(channels);
    for (size_t c = 0; c < channels; c++) {
        float sum = dbias[c];
        for (size_t r = 0; r < rows; r++) sum += dy[r * stride + c];
        expected[c] = sum;
    }
    swage_bias_backward(dy, dbias, rows, channels, stride);
    expect_close("dbias", dbias, expected, NULL, channels, 0);
}

static void row_dots(size_t rows, size_t channels, size_t gap, size_t out_stride) {
    begin_case("swage_row_dots", "rows %zu, channels %zu, gap %zu, out_stride %zu", rows, channels, gap, out_stride);
    size_t stride = channels + gap;
    float *x = random_floats(rows * stride), *y = random_floats(rows * stride), *out = unwritten(rows * out_stride);
    double *expected = doubles(out, rows * out_stride), *magnitude = zeros(rows * out_stride);
    for (size_t r = 0; r < rows; r++) {
        expected[r * out_stride] = 0;
        for (size_t c = 0; c < channels; c++) {
            double term = (double)x[r * stride + c] * y[r * stride + c];
            expected[r * out_stride] += term, magnitude[r * out_stride] += fabs(term);
        }
    }
    swage_row_dots(x, y, out, rows, channels, stride, out_stride);
    expect_close("out", out, expected, magnitude, rows * out_stride, bound);
}

static void sum_of_squares(size_t count) {
    begin_case("swage_sum_of_squares", "count %zu", count);
    float *x = random_floats(count);
    double expected = 0;
    for (size_t i = 0; i < count; i++) expected += (double)x[i] * x[i];
    double found = swage_sum_of_squares(x, count), difference = fabs(found - expected);
    expect(difference <= 1e-12 * expected, "the sum is %.17g, not %.17g: a relative difference of %.3g", found,
           expected, difference / fmax(expected, 1e-30));
}

static void sum_groups(size_t rows, size_t groups, size_t members, size_t width, size_t gap) {
    begin_case("swage_sum_groups", "rows %zu, groups %zu, members %zu, width %zu, gap %zu", rows, groups, members,
               width, gap);
    size_t x_stride = groups * members * width + gap, y_stride = groups * width + 2 * gap;
    float *x = random_floats(rows * x_stride), *y = unwritten(rows * y_stride);
    double *expected = doubles(y, rows * y_stride), *magnitude = zeros(rows * y_stride);
    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < groups; g++)
            for (size_t i = 0; i < width; i++) {
                size_t at = r * y_stride + g * width + i;
                expected[at] = 0;
                for (size_t m = 0; m < members; m++) {
                    double term = x[r * x_stride + (g * members + m) * width + i];
                    expected[at] += term, magnitude[at] += fabs(term);
                }
            }
    swage_sum_groups(x, x_stride, y, y_stride, rows, groups, members, width);
    expect_close("y", y, expected, magnitude, rows * y_stride, bound);
}

void test_sums(void) {
    add(0);
    sum_of_squares(0);
    for (size_t i = 0; i < size_count; i++) {
        add(sizes[i]);
        sum_of_squares(sizes[i]);
        for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
            size_t rows = row_counts[r];
            add_bias(rows, sizes[i]);
            for (size_t gap = 0; gap <= 3; gap += 3) {
                bias_backward(rows, sizes[i], gap);
                row_dots(rows, sizes[i], gap, 1 + gap);
                sum_groups(rows, 2, 3, sizes[i], gap);
                sum_groups(rows, 3, 1, sizes[i], gap);
            }
        }
    }
    row_dots(2, 0, 0, 1);
}

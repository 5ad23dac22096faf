#include "swage_kernels.h"

#include <math.h>

#include "check.h"
#include "tests.h"

static const float epsilon = 1e-5f;
static const double bound = 2e-6;
static const size_t row_counts[] = {0, 1, 3};

static void plain_forward(const double *x, const double *weight, double *y, double *rstd, size_t channels) {
    double sum = 0;
    for (size_t c = 0; c < channels; c++) sum += x[c] * x[c];
    *rstd = 1 / sqrt(sum / (double)channels + epsilon);
    for (size_t c = 0; c < channels; c++) y[c] = x[c] * *rstd * weight[c];
}

static void forward(size_t rows, size_t channels, size_t gap) {
    begin_case("swage_rmsnorm_forward", "rows %zu, channels %zu, gap %zu", rows, channels, gap);
    size_t x_stride = channels + gap, y_stride = channels + 2 * gap;
    float *x = random_floats(rows * x_stride), *weight = random_floats(channels);
    float *y = unwritten(rows * y_stride), *rstd = unwritten(rows);
    double *dx = doubles(x, rows * x_stride), *dweight = doubles(weight, channels);
    double *dy = doubles(y, rows * y_stride), *drstd = zeros(rows);
    for (size_t r = 0; r < rows; r++) plain_forward(dx + r * x_stride, dweight, dy + r * y_stride, drstd + r, channels);
    swage_rmsnorm_forward(x, weight, y, rstd, rows, channels, x_stride, y_stride, epsilon);
    expect_close("y", y, dy, NULL, rows * y_stride, bound);
    expect_close("rstd", rstd, drstd, drstd, rows, bound);
}

static void add_forward(size_t rows, size_t channels) {
    begin_case("swage_add_rmsnorm_forward", "rows %zu, channels %zu", rows, channels);
    size_t count = rows * channels;
    float *x = random_floats(count), *residual = random_floats(count), *weight = random_floats(channels);
    float *y = unwritten(count), *rstd = unwritten(rows);
    double *sum = doubles(x, count), *dweight = doubles(weight, channels), *dy = zeros(count), *drstd = zeros(rows);
    // What replaces x is rounded, and the norm is that of what was rounded.
    for (size_t i = 0; i < count; i++) sum[i] = x[i] + residual[i];
    for (size_t r = 0; r < rows; r++)
        plain_forward(sum + r * channels, dweight, dy + r * channels, drstd + r, channels);
    swage_add_rmsnorm_forward(x, residual, weight, y, rstd, rows, channels, epsilon);
    expect_close("x", x, sum, NULL, count, 0);
    expect_close("y", y, dy, NULL, count, bound);
    expect_close("rstd", rstd, drstd, drstd, rows, bound);
}

typedef struct {
    double *dx, *dweight, *dx_magnitude, *dweight_magnitude;
} gradients;

static void plain_backward(const float *dy, const float *x, const float *weight, const float *rstd, gradients *to,
                           size_t rows, size_t channels, size_t stride, bool overwrites) {
    for (size_t r = 0; r < rows; r++) {
        double dot = 0, dot_magnitude = 0, cube = pow(rstd[r], 3) / (double)channels;
        for (size_t c = 0; c < channels; c++) {
            double term = (double)dy[r * stride + c] * weight[c] * x[r * stride + c];
            dot += term, dot_magnitude += fabs(term);
        }
        for (size_t c = 0; c < channels; c++) {
            size_t i = r * stride + c;
            double direct = (double)dy[i] * weight[c] * rstd[r], before = overwrites ? 0 : to->dx[i];
            to->dx[i] = before + direct - x[i] * dot * cube;
            to->dx_magnitude[i] = fabs(before) + fabs(direct) + fabs(x[i] * dot_magnitude * cube);
            double own = (double)dy[i] * x[i] * rstd[r];
            to->dweight[c] += own, to->dweight_magnitude[c] += fabs(own);
        }
    }
}

static void backward(size_t rows, size_t channels, size_t gap, bool overwrites) {
    begin_case("swage_rmsnorm_backward", "rows %zu, channels %zu, gap %zu, %s", rows, channels, gap,
               overwrites ? "in place" : "added");
    size_t stride = channels + gap, count = rows * stride;
    float *x = random_floats(count), *weight = random_floats(channels), *rstd = random_floats(rows);
    float *dy = random_floats(count), *dx = overwrites ? dy : random_floats(count), *dweight = random_floats(channels);
    for (size_t r = 0; r < rows; r++) rstd[r] = fabsf(rstd[r]) + 0.1f;
    gradients expected = {doubles(dx, count), doubles(dweight, channels), zeros(count), zeros(channels)};
    for (size_t c = 0; c < channels; c++) expected.dweight_magnitude[c] = fabs(dweight[c]);
    plain_backward(dy, x, weight, rstd, &expected, rows, channels, stride, overwrites);
    swage_rmsnorm_backward(dy, x, weight, rstd, dx, dweight, rows, channels, stride, overwrites);
    expect_close("dx", dx, expected.dx, expected.dx_magnitude, count, bound);
    expect_close("dweight", dweight, expected.dweight, expected.dweight_magnitude, channels, bound);
}

void test_normalization(void) {
    for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++)
        for (size_t i = 0; i < size_count; i++) {
            size_t rows = row_counts[r], channels = sizes[i];
            add_forward(rows, channels);
            for (size_t gap = 0; gap <= 3; gap += 3) {
                forward(rows, channels, gap);
                backward(rows, channels, gap, false);
                backward(rows, channels, gap, true);
            }
        }
}

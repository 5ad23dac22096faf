#include "swage_kernels.h"
#include "vectorize.h"

VECTORIZED
double swage_sum_of_squares(const float *x, size_t count) {
    SUM_IN_ANY_ORDER
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

VECTORIZED
bool swage_adamw_stays_finite(const float *parameter, const float *gradient, const float *mean, const float *square,
                              size_t count, float gradient_scale, float learning_rate, float beta1, float beta2,
                              float epsilon, float weight_decay, float correction1, float correction2) {
    // A little less than the largest float: the step itself may round otherwise.
    const float limit = 3.4e38f;
    float step = learning_rate / correction1, kept = 1.0f - learning_rate * weight_decay;
    float root_correction = 1.0f / __builtin_elementwise_sqrt(correction2);
    int odd = 0;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] * gradient_scale;
        float m = beta1 * mean[i] + (1.0f - beta1) * g;
        float v = beta2 * square[i] + (1.0f - beta2) * g * g;
        float p = parameter[i] * kept - step * m / (__builtin_elementwise_sqrt(v) * root_correction + epsilon);
        odd |= !(__builtin_fabsf(m) < limit) | !(v < limit) | !(__builtin_fabsf(p) < limit);
    }
    return !odd;
}

VECTORIZED
void swage_adamw(float *parameter, const float *gradient, float *mean, float *square, size_t count,
                 float gradient_scale, float learning_rate, float beta1, float beta2, float epsilon, float weight_decay,
                 float correction1, float correction2) {
    float step = learning_rate / correction1, kept = 1.0f - learning_rate * weight_decay;
    float root_correction = 1.0f / __builtin_elementwise_sqrt(correction2);
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] * gradient_scale;
        float m = beta1 * mean[i] + (1.0f - beta1) * g;
        float v = beta2 * square[i] + (1.0f - beta2) * g * g;
        mean[i] = m;
        square[i] = v;
        parameter[i] = parameter[i] * kept - step * m / (__builtin_elementwise_sqrt(v) * root_correction + epsilon);
    }
}

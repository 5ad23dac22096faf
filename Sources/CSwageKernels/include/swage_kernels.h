#ifndef SWAGE_KERNELS_H
#define SWAGE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// All arrays are row-major. R: rows; C: channels; F: feed-forward width; V: vocabulary; D: elements of a head.
// Every kernel works on the calling thread, and every sum runs in an order that depends on the sizes alone.

/// y[R, C] = x * rstd * weight, with rstd[R] = 1 / sqrt(mean(x^2) + epsilon) (Zhang and Sennrich, 2019).
/// Rows of x and y are x_stride and y_stride apart.
void swage_rmsnorm_forward(const float *x, const float *weight, float *y, float *rstd, size_t rows, size_t channels,
                           size_t x_stride, size_t y_stride, float epsilon);

/// The same for x + residual, which replaces x; all of them [R, C].
void swage_add_rmsnorm_forward(float *x, const float *residual, const float *weight, float *y, float *rstd, size_t rows,
                               size_t channels, float epsilon);

/// Adds to dx[R, C] and to dweight[C], given rstd of the forward pass. dy may be dx if `overwrite` is not 0, and
/// dx is then replaced.
void swage_rmsnorm_backward(const float *dy, const float *x, const float *weight, const float *rstd, float *dx,
                            float *dweight, size_t rows, size_t channels, size_t stride, int overwrite);

/// y[R, C] = (x - mean) * rstd * weight + bias, with rstd[R] = 1 / sqrt(variance + epsilon) (Ba et al., 2016). With a
/// residual, which may be NULL, x becomes x + residual first.
void swage_layernorm_forward(float *x, const float *residual, const float *weight, const float *bias, float *y,
                             float *rstd, size_t rows, size_t channels, float epsilon);

/// Adds to dx[R, C], or replaces it if `overwrite` is not 0, and adds to dweight[C] and dbias[C]. dy may be dx if it is
/// replaced.
void swage_layernorm_backward(const float *dy, const float *x, const float *weight, const float *rstd, float *dx,
                              float *dweight, float *dbias, size_t rows, size_t channels, int overwrite);

/// Rotates the first `width` elements W of each of the heads in place: pairs (i, i + W/2) turn by the angle whose
/// cosines and sines are given for the row's position, [positions, W/2] each (Su et al., 2021). direction is 1, or -1
/// for the backward pass.
void swage_rope(float *x, const float *cosines, const float *sines, const int32_t *positions, size_t rows, size_t heads,
                size_t head_size, size_t width, size_t stride, float direction);

/// The same for the pairs (2 i, 2 i + 1).
void swage_rope_neighbors(float *x, const float *cosines, const float *sines, const int32_t *positions, size_t rows,
                          size_t heads, size_t head_size, size_t width, size_t stride, float direction);

/// y[R, F] = silu(gate) * up, where each row of gate_up[R, 2F] holds gate and then up (Shazeer, 2020).
void swage_swiglu_forward(const float *gate_up, float *y, size_t rows, size_t width);

/// dgate_up[R, 2F] from dy[R, F], and once more y[R, F].
void swage_swiglu_backward(const float *dy, const float *gate_up, float *dgate_up, float *y, size_t rows, size_t width);

/// y[R, F] = gate * sigmoid(alpha * gate) * (up + 1), with gate at most limit, and up within -limit ... limit, where
/// each row of gate_up[R, 2F] holds gate and then up (OpenAI, 2025).
void swage_clamped_swiglu_forward(const float *gate_up, float *y, size_t rows, size_t width, float alpha, float limit);

/// dgate_up[R, 2F] from dy[R, F], and once more y[R, F].
void swage_clamped_swiglu_backward(const float *dy, const float *gate_up, float *dgate_up, float *y, size_t rows,
                                   size_t width, float alpha, float limit);

/// y[R, F] = gelu(gate) * up, with the approximation of gelu by a tangent (Hendrycks and Gimpel, 2016), where each row
/// of gate_up[R, 2F] holds gate and then up.
void swage_geglu_forward(const float *gate_up, float *y, size_t rows, size_t width);

/// dgate_up[R, 2F] from dy[R, F], and once more y[R, F].
void swage_geglu_backward(const float *dy, const float *gate_up, float *dgate_up, float *y, size_t rows, size_t width);

/// y = gelu(x), by the same approximation.
void swage_gelu_forward(const float *x, float *y, size_t count);

/// dx from dy, and once more y.
void swage_gelu_backward(const float *dy, const float *x, float *dx, float *y, size_t count);

/// x becomes cap * tanh(x * scale / cap).
void swage_soft_cap(float *x, size_t count, float scale, float cap);

/// Turns dy, the gradient of y = cap * tanh(x * scale / cap), into that of x.
void swage_soft_cap_backward(float *dy, const float *y, size_t count, float scale, float cap);

/// x becomes x * factor.
void swage_scale(float *x, size_t count, float factor);

/// Turns scores[R, n] into probabilities over the columns first[r] ..< last[r], and 0 elsewhere. lse[R] receives the
/// logarithm of each row's sum of exponentials. Scores are multiplied by scale first.
void swage_softmax_forward(float *scores, size_t rows, size_t columns, const int32_t *first, const int32_t *last,
                           float scale, float *lse, size_t lse_stride);

/// The same with one more score, `sink`, in every row's sum, which has no column.
void swage_softmax_forward_sink(float *scores, size_t rows, size_t columns, const int32_t *first, const int32_t *last,
                                float scale, float sink, float *lse, size_t lse_stride);

/// Turns scores[R, n] into the same probabilities, and dprobabilities[R, n] into the gradient of the scores, given
/// delta[R], the sum over each row of probability times its gradient.
void swage_softmax_backward(float *scores, float *dprobabilities, size_t rows, size_t columns, const int32_t *first,
                            const int32_t *last, float scale, const float *lse, const float *delta, size_t stride);

/// The same where the scores were bounded by swage_soft_cap before the forward pass.
void swage_softmax_backward_capped(float *scores, float *dprobabilities, size_t rows, size_t columns,
                                   const int32_t *first, const int32_t *last, float scale, float cap, const float *lse,
                                   const float *delta, size_t stride);

/// lse[R]: the logarithm of each row's sum of exponentials of logits[R, V].
void swage_log_sum_exp(const float *logits, float *lse, size_t rows, size_t vocabulary);

/// Turns logits[R, V] into the gradient of the sum over rows of dlogprob[r] * log-probability(target[r]).
void swage_logprob_backward(float *logits, const float *lse, const int32_t *targets, const float *dlogprob, size_t rows,
                            size_t vocabulary);

/// entropy[R] in nats of each row of logits[R, V].
void swage_entropy(const float *logits, const float *lse, float *entropy, size_t rows, size_t vocabulary);

/// Adds to dlogits[R, V] the gradient of the sum over rows of dentropy[r] * entropy[r].
void swage_entropy_backward(const float *logits, const float *lse, const float *entropy, const float *dentropy,
                            float *dlogits, size_t rows, size_t vocabulary);

/// y += x.
void swage_add(float *y, const float *x, size_t count);

/// y += x * factor.
void swage_add_scaled(float *y, const float *x, size_t count, float factor);

/// Adds bias[C] to every row of y[R, C].
void swage_add_bias(float *y, const float *bias, size_t rows, size_t channels);

/// Adds the sum over the rows of dy[R, C] to dbias[C].
void swage_bias_backward(const float *dy, float *dbias, size_t rows, size_t channels, size_t stride);

/// out[r * out_stride] = sum over the row of x * y, for rows of x and y that are `stride` apart.
void swage_row_dots(const float *x, const float *y, float *out, size_t rows, size_t channels, size_t stride,
                    size_t out_stride);

/// The sum of squares.
double swage_sum_of_squares(const float *x, size_t count);

/// One AdamW update (Loshchilov and Hutter, 2019) of `count` parameters, by the gradient times gradient_scale.
/// correction1 and correction2 are 1 - beta^t.
void swage_adamw(float *parameter, const float *gradient, float *mean, float *square, size_t count,
                 float gradient_scale, float learning_rate, float beta1, float beta2, float epsilon, float weight_decay,
                 float correction1, float correction2);

/// Whether such an update leaves parameters and moments that are finite. Changes nothing.
bool swage_adamw_stays_finite(const float *parameter, const float *gradient, const float *mean, const float *square,
                              size_t count, float gradient_scale, float learning_rate, float beta1, float beta2,
                              float epsilon, float weight_decay, float correction1, float correction2);

/// y[R, groups, width] = the sum of x[R, groups, members, width] over members.
void swage_sum_groups(const float *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t groups,
                      size_t members, size_t width);

/// weights[count] = exp((logits - the largest) * inverse_temperature).
void swage_exponentials(const float *logits, float *weights, size_t count, float inverse_temperature);

/// Divides each weight by a time drawn from the exponential distribution, by `key` and the weight's index: the largest
/// quotient is at index i with probability weight[i] / sum of weights. Rounding moves the winner only where two are as
/// good as equal.
void swage_race(float *weights, size_t count, uint64_t key);

/// The index of the largest number, the first of several.
size_t swage_largest(const float *x, size_t count);

#endif

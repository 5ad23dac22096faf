import CSwageKernels
import SwageFiles

extension DecoderModel {
    /// `y[N, F]` from gate and up, or from up alone, of some rows.
    func activate(_ gateUp: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Range<Int>) {
        let width = configuration.feedForwardSize
        let out = y + rows.lowerBound * width
        let (slope, limit) = (Float(configuration.scales.activationSlope), Float(configuration.scales.activationLimit))
        switch (configuration.activation, isGated) {
        case (.clampedSilu, _):
            swage_clamped_swiglu_forward(gateUp + rows.lowerBound * 2 * width, out, rows.count, width, slope, limit)
        case (.silu, _): swage_swiglu_forward(gateUp + rows.lowerBound * 2 * width, out, rows.count, width)
        case (.geluTanh, true): swage_geglu_forward(gateUp + rows.lowerBound * 2 * width, out, rows.count, width)
        case (.geluTanh, false): swage_gelu_forward(gateUp + rows.lowerBound * width, out, rows.count * width)
        }
    }

    /// The gradient of gate and up, or of up alone, from that of y; and once more y.
    func backwardActivation(
        _ dy: UnsafePointer<Float>, _ gateUp: UnsafePointer<Float>, _ dgateUp: UnsafeMutablePointer<Float>,
        _ y: UnsafeMutablePointer<Float>, _ rows: Range<Int>
    ) {
        let width = configuration.feedForwardSize
        let (begin, joined) = (rows.lowerBound * width, rows.lowerBound * (isGated ? 2 : 1) * width)
        let (slope, limit) = (Float(configuration.scales.activationSlope), Float(configuration.scales.activationLimit))
        switch (configuration.activation, isGated) {
        case (.clampedSilu, _):
            swage_clamped_swiglu_backward(dy + begin, gateUp + joined, dgateUp + joined, y + begin, rows.count, width, slope, limit)
        case (.silu, _): swage_swiglu_backward(dy + begin, gateUp + joined, dgateUp + joined, y + begin, rows.count, width)
        case (.geluTanh, true): swage_geglu_backward(dy + begin, gateUp + joined, dgateUp + joined, y + begin, rows.count, width)
        case (.geluTanh, false): swage_gelu_backward(dy + begin, gateUp + joined, dgateUp + joined, y + begin, rows.count * width)
        }
    }
}

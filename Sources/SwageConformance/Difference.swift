/// Where numbers differ most from what was expected of them, relative to the largest that was.
struct Difference: CustomStringConvertible {
    /// 0 where there is none; infinity where that cannot be told.
    private(set) var size = 0.0
    private(set) var description = "no difference"

    init(_ found: [Float], _ expected: [Float]) {
        guard found.count == expected.count else {
            (size, description) = (.infinity, "\(found.count) numbers came, and \(expected.count) were expected")
            return
        }
        let scale = expected.reduce(1e-30) { max($0, abs(Double($1))) }
        for (index, (here, there)) in zip(found, expected).enumerated() {
            let gap = abs(Double(here) - Double(there)) / scale
            guard here != there, !(here.isNaN && there.isNaN), gap.isNaN || gap > size else { continue }
            size = gap.isNaN ? .infinity : gap
            let place = found.count > 1 ? "number \(index) of \(found.count)" : "it"
            let part = scale > 1e-20 ? ", a relative difference of \(size)" : ""
            description = "\(place) is \(here), and \(there) was expected\(part)"
            if size == .infinity { return }
        }
    }
}

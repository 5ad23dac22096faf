/// A decimal number or a fraction of two, without rounding: as many digits as it was written with.
///
/// Equal are `42`, `42.0` and `4.2e1`; `0.75` and `3/4`; `-0` and `0`. Not equal are `9007199254740993` and
/// `9007199254740992`, nor `0.30000000000000004` and `0.3`.
struct ExactNumber: Sendable {
    private let numerator: Decimal
    private let denominator: Decimal

    /// Digits, the last of which stands at 10 to the exponent.
    private struct Decimal: Sendable, Equatable {
        /// 0 to 9, without zeros before or after; none for zero.
        var digits: [UInt8]
        var exponent: Int
        var isNegative: Bool

        init(digits: [UInt8], exponent: Int, isNegative: Bool) {
            let kept = digits.drop { $0 == 0 }
            let zeros = kept.reversed().prefix { $0 == 0 }.count
            self.digits = Array(kept.dropLast(zeros))
            self.exponent = self.digits.isEmpty ? 0 : exponent + zeros
            self.isNegative = isNegative && !self.digits.isEmpty
        }

        static func * (first: Decimal, second: Decimal) -> Decimal {
            var columns = [Int](repeating: 0, count: first.digits.count + second.digits.count)
            for (i, digit) in first.digits.enumerated() {
                for (j, other) in second.digits.enumerated() { columns[i + j + 1] += Int(digit) * Int(other) }
            }
            for column in columns.indices.dropFirst().reversed() {
                columns[column - 1] += columns[column] / 10
                columns[column] %= 10
            }
            return Decimal(
                digits: columns.map { UInt8($0) }, exponent: first.exponent + second.exponent,
                isNegative: first.isNegative != second.isNegative)
        }
    }

    private static let one = Decimal(digits: [1], exponent: 0, isNegative: false)

    /// - Parameters:
    ///   - whole: the digits before the point.
    ///   - fraction: the digits behind it.
    ///   - exponent: by which power of ten it is multiplied.
    init(isNegative: Bool, whole: [UInt8], fraction: [UInt8] = [], exponent: Int = 0) {
        numerator = Decimal(digits: whole + fraction, exponent: exponent - fraction.count, isNegative: isNegative)
        denominator = Self.one
    }

    static func powerOfTen(_ exponent: Int) -> ExactNumber { ExactNumber(isNegative: false, whole: [1], exponent: exponent) }

    /// A fraction; nil if it is divided by zero.
    init?(_ numerator: ExactNumber, over denominator: ExactNumber) {
        guard !denominator.numerator.digits.isEmpty else { return nil }
        self.numerator = numerator.numerator * denominator.denominator
        self.denominator = numerator.denominator * denominator.numerator
    }
}

extension ExactNumber: Equatable {
    static func == (first: ExactNumber, second: ExactNumber) -> Bool {
        first.numerator * second.denominator == second.numerator * first.denominator
    }
}

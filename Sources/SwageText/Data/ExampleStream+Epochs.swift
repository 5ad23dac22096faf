public import Swage

extension ExampleStream {
    /// How many batches it takes until every example has come so many times. All examples are tokenized for that.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for an example that cannot be used, or if none can.
    public static func batchCount(
        of data: Examples<TrainingExample>, epochs: Int, tokenizer: any Tokenizer, options: Options
    ) throws -> Int {
        try PackedRow.check(rows: options.rows, of: options.sequenceLength)
        let lengths = try lengths(of: data, tokenizer: tokenizer, options: options)
        var schedule = PackingSchedule(count: data.count, options: options, from: Position())
        let (all, overflow) = epochs.multipliedReportingOverflow(by: data.count)
        guard !overflow else { throw TrainerError(.invalidOption, "epochs is \(epochs)", expected: "fewer") }
        var batches = 0
        while schedule.used < all {
            try Task.checkCancellation()
            guard try !schedule.next({ index, _ in lengths[index] }).isEmpty else { break }
            batches += 1
        }
        return batches
    }

    private static func lengths(of data: Examples<TrainingExample>, tokenizer: any Tokenizer, options: Options) throws -> [Int?] {
        var lengths = [Int?](repeating: nil, count: data.count)
        let examined = try data.examine(nil) { example -> Examination<Int> in
            switch try options.examine(example, with: tokenizer) {
            case .used(let tokens, let count, let targets, let beyond, _):
                .used(tokens.ids.count - 1, tokens: count, targets: targets, beyond: beyond)
            case .leftOut(let reason): .leftOut(reason)
            }
        }
        for (index, length) in examined.uses { lengths[index] = length }
        return lengths
    }
}

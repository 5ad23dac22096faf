public import Swage

extension ExampleStream {
    /// How many batches there are in as many passes as the options say, or in one where they say none. All examples are tokenized for
    /// that.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for an example that cannot be used, or if none can.
    public static func batchCount(
        of data: Examples<TrainingExample>, tokenizer: any Tokenizer, options: Options
    ) throws -> Int {
        var options = options
        options.passes = options.passes ?? 1
        try PackedRow.check(rows: options.rows, of: options.sequenceLength)
        let lengths = try lengths(of: data, tokenizer: tokenizer, options: options)
        var schedule = PackingSchedule(count: data.count, options: options, from: Position())
        var batches = 0
        while try !schedule.next({ index, _ in lengths[index] }).isEmpty {
            try Task.checkCancellation()
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

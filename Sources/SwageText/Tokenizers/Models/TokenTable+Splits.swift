import Swage

extension TokenTable {
    /// The longest token that is taken apart, in bytes: the work grows with the square of it.
    private static let longestToken = 1024

    /// All pairs of tokens that make up another one, by which vocabularies are merged that list none.
    /// - Parameters:
    ///   - file: what the error names.
    ///   - rank: when a token comes about; pairs of one rank are merged from left to right.
    /// - Throws: ``TrainerError`` with code `unsupported` for a token that is too long.
    func splits(file: String, rank: (_ id: Int32, _ number: Int) -> Int32) throws -> [MergeTable.Merge] {
        var merges: [MergeTable.Merge] = []
        merges.reserveCapacity(count * 2)
        for id in 0..<Int32(idCount) where contains(id) {
            try withBytes(of: id) { token in
                // Of two that are spelled alike, the one counts that is found.
                guard self.id(of: token) == id else { return }
                guard token.count <= Self.longestToken else {
                    throw TrainerError(
                        .unsupported, "\(file): the token \(id) has \(token.count) bytes", expected: "at most \(Self.longestToken)")
                }
                for border in token.indices.dropFirst() where token[border] & 0xC0 != 0x80 {
                    guard let left = self.id(of: UnsafeBufferPointer(rebasing: token[..<border])),
                        let right = self.id(of: UnsafeBufferPointer(rebasing: token[border...]))
                    else { continue }
                    merges.append(.init(left: left, right: right, rank: rank(id, merges.count), id: id))
                }
            }
        }
        return merges
    }
}

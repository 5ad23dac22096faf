import Synchronization

/// Memory that encoding uses again, one text after the other.
struct EncodingScratch: Sendable {
    var sink = TokenSink()
    var merger = PairMerger()
    var search = PieceSearchScratch()
    var cache = WordCache()
    var viterbi = ViterbiScratch()
}

/// The memory of a tokenizer that texts on many threads share: each takes one out, and puts it back.
final class ScratchPool: Sendable {
    private static let most = 8
    private let free = Mutex<[EncodingScratch]>([])

    func take() -> EncodingScratch { free.withLock { $0.popLast() } ?? EncodingScratch() }

    func put(_ scratch: consuming EncodingScratch) {
        let scratch = scratch
        free.withLock { if $0.count < Self.most { $0.append(scratch) } }
    }
}

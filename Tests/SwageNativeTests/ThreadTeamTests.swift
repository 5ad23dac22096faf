import Swage
import SwageNative
import Synchronization
import Testing

@Suite struct ThreadTeamTests {
    @Test(arguments: [1, 2, 3, 7], [1, 2, 16, 1000]) func everyUnitIsDoneOnce(threads: Int, total: Int) throws {
        let team = try ThreadTeam(count: threads)
        let done = (0..<total).map { _ in Counter() }
        for _ in 0..<50 { team.split(total) { _, part in for index in part { done[index].add() } } }
        #expect(done.allSatisfy { $0.value == 50 }, "\(done.map(\.value))")
    }

    @Test func aTeamThatSleptWorksAgain() async throws {
        let team = try ThreadTeam(count: 3)
        let count = Counter()
        for _ in 0..<5 {
            team.split(3) { _, _ in count.add() }
            // Longer than threads look for work before they sleep.
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(count.value == 15)
    }

    @Test func moreThreadsThanTheSystemGivesIsAnError() {
        #expect(throws: TrainerError.self) { try ThreadTeam(count: 0) }
    }
}

private final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .sequentiallyConsistent) }

    func add() { count.add(1, ordering: .sequentiallyConsistent) }
}

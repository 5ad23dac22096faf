#if Engines
import Swage
import Synchronization

/// Tells each token of a completion once, in order, whatever a call that was asked for twice, or a trainer that sends no
/// tokens as it goes, has told of them.
final class TokenFeed: Sendable {
    private struct State {
        /// How many tokens of each prompt were told.
        var told: [Int]
        /// How many tokens of each prompt this attempt has brought.
        var brought: [Int]
    }

    private let state: Mutex<State>
    private let onToken: @Sendable (Int, Int32) -> Void

    init(prompts: Int, onToken: @escaping @Sendable (Int, Int32) -> Void) {
        let none = [Int](repeating: 0, count: prompts)
        state = Mutex(State(told: none, brought: none))
        self.onToken = onToken
    }

    /// Begins an attempt.
    func begin() { state.withLock { $0.brought = $0.brought.map { _ in 0 } } }

    func take(_ prompt: Int, _ token: Int32) {
        let isNew = state.withLock { state in
            guard state.told.indices.contains(prompt) else { return false }
            state.brought[prompt] += 1
            guard state.brought[prompt] > state.told[prompt] else { return false }
            state.told[prompt] += 1
            return true
        }
        if isNew { onToken(prompt, token) }
    }

    /// Tells what is left of the completions.
    func end(_ completions: [Completion]) {
        begin()
        for (prompt, completion) in completions.enumerated() {
            for token in completion.tokens { take(prompt, token) }
        }
    }
}
#endif

/// A run of characters that came from one place.
package struct OwnerRun: Hashable, Sendable {
    /// UTF-8 bytes of the run.
    package var count: Int
    /// What the text was given as its owner, or `Rendering.template`.
    package var owner: Int32

    /// A run of so many bytes.
    package init(count: Int, owner: Int32) {
        self.count = count
        self.owner = owner
    }
}

/// What a template wrote, and where each character of it came from.
package struct Rendering: Hashable, Sendable {
    /// The owner of the template's own text, and of what it computed: numbers, dates, the punctuation of JSON.
    package static let template: Int32 = -1

    /// The text.
    package var text: String
    /// Whose the characters are, one run after the other, over the whole text.
    package var runs: [OwnerRun]
    /// The UTF-8 ranges that `{% generation %}` blocks wrote, as transformers counts them: a block within a macro or a set
    /// block starts where the template's output stood.
    package var generations: [Range<Int>]
    /// Whether the template asked for the date.
    package var usedClock: Bool
}

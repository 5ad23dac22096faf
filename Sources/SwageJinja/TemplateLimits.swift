/// What a template may spend. Each limit that is reached is an error of kind `limit`.
package struct TemplateLimits: Hashable, Sendable {
    /// Statements and expressions evaluated, and what long texts cost beyond.
    package var steps = 5_000_000
    /// Calls of macros and recursive loops within one another.
    package var recursion = 200
    /// Bytes of stack that parsing or rendering may use, whatever they are doing.
    package var stackBytes = 300_000
    /// UTF-8 bytes of the rendering, and of any one text.
    package var outputBytes = 64 << 20
    /// Bytes of values made in one rendering, those that were dropped again included.
    package var valueBytes = 512 << 20

    /// The limits that serve templates of any length that people write.
    package init() {}
}

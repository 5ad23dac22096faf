import Swage

/// A regular expression that finds the same matches as the library that a tokenizer was made with.
///
/// It goes over small numbers for the kinds of characters that the expression tells apart, and tries one way after another, as
/// backtracking does; once that takes long, it remembers what led nowhere, so that the time it takes is bounded by the length of
/// the text.
package struct RegularExpression: Sendable {
    package let pattern: String
    let program: RegularExpressionProgram

    /// - Throws: ``Swage/TrainerError`` with code `unsupported`, naming what is not known.
    init(_ pattern: String, _ version: UnicodeProperties.Version = .oniguruma) throws {
        self.pattern = pattern
        var parser = try RegularExpressionParser(pattern, version)
        program = try RegularExpressionProgram(try parser.parse(), version)
    }

    /// The expression as Oniguruma reads it.
    package init(oniguruma pattern: String) throws { try self.init(pattern, .oniguruma) }

    /// The expression as Rust's `fancy-regex` reads it.
    package init(rust pattern: String) throws { try self.init(pattern, .rust) }

    var canBeEmpty: Bool { program.canBeEmpty }

    /// The matches in valid UTF-8, one after the other, as ranges of bytes.
    package func matches(in utf8: [UInt8]) -> [Range<Int>] {
        var scratch = Scratch()
        var found: [Range<Int>] = []
        utf8.withUnsafeBufferPointer { utf8 in
            forEachMatch(in: utf8, &scratch) { found.append($0..<$1) }
        }
        return found
    }

    /// Memory that searches use again.
    struct Scratch {
        fileprivate var classes: [UInt8] = []
        fileprivate var places: [Int32] = []
        fileprivate var frames: [RegularExpressionMatcher.Frame] = []
    }

    func forEachMatch(in utf8: UnsafeBufferPointer<UInt8>, _ scratch: inout Scratch, _ body: (_ start: Int, _ end: Int) -> Void) {
        program.classes.read(utf8, classes: &scratch.classes, places: &scratch.places)
        var frames = scratch.frames
        scratch.frames = []
        scratch.classes.withUnsafeBufferPointer { classes in
            scratch.places.withUnsafeBufferPointer { places in
                program.steps.withUnsafeBufferPointer { steps in
                    program.classes.masks.withUnsafeBufferPointer { masks in
                        var matcher = RegularExpressionMatcher(program, steps: steps, masks: masks, text: classes, frames: frames)
                        frames = []
                        func place(_ index: Int) -> Int { places.isEmpty ? index : Int(places[index]) }
                        matcher.forEachMatch { body(place($0), place($1)) }
                        frames = matcher.frames
                    }
                }
            }
        }
        scratch.frames = frames
    }
}

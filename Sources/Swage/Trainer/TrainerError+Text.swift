extension TrainerError {
    /// As much of a message as a person reads, with control characters as escapes: what is quoted in it may come from
    /// a file of any length and content.
    ///
    /// - Parameter keepsLines: for what another program has said, in lines.
    package static func readable(_ text: String, keepsLines: Bool) -> String {
        let limit = keepsLines ? 4000 : 900
        // By UTF-8, so that a text of any length costs nothing where nothing is to be done.
        let isPlain = text.utf8.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || (keepsLines && $0 == 0x0A) }
        if isPlain, text.utf8.count <= limit { return text }
        var scalars = text.unicodeScalars[...]
        var end: Substring.UnicodeScalarView?
        if let cut = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex), cut < scalars.endIndex {
            end = scalars.suffix(limit / 4)
            scalars = scalars.prefix(limit * 3 / 4)
        }
        let beginning = escaped(scalars, keepsLines: keepsLines)
        return end.map { "\(beginning) … \(escaped($0, keepsLines: keepsLines))" } ?? beginning
    }

    private static func escaped(_ scalars: Substring.UnicodeScalarView, keepsLines: Bool) -> String {
        var result = ""
        for scalar in scalars {
            switch scalar.properties.generalCategory {
            case _ where scalar == "\n" && keepsLines: result.unicodeScalars.append(scalar)
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                result += scalar.escaped(asASCII: true)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

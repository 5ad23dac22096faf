/// Numbers as people and models write them, in the one way in which they are read.
enum PlainMath {
    /// The text with digits, signs and marks of other writing systems and of LaTeX as ASCII has them.
    static func text(_ text: String) -> String { withoutLaTeX(inASCII(text)) }

    private static func inASCII(_ text: String) -> String {
        var plain = ""
        var isPower = false
        for scalar in text.unicodeScalars {
            // ² and its kin are powers.
            let raised = [0xB2, 0xB3, 0xB9, 0x2070].contains(scalar.value) || (0x2074...0x2079).contains(scalar.value)
            if raised, let value = scalar.properties.numericValue {
                plain += (isPower ? "" : "^") + "\(Int(value))"
                isPower = true
                continue
            }
            if scalar == "\u{207B}" || scalar == "\u{207A}" {
                plain += scalar == "\u{207B}" ? "^-" : "^+"
                isPower = true
                continue
            }
            isPower = false
            switch scalar {
            case "\u{2010}"..."\u{2013}", "\u{2212}", "\u{FE63}", "\u{FF0D}": plain.append("-")
            case "\u{FF0B}": plain.append("+")
            case "\u{FF0E}", "\u{66B}": plain.append(".")
            case "\u{FF0C}", "\u{66C}": plain.append(",")
            case "\u{FF0F}", "\u{2044}", "\u{2215}": plain.append("/")
            case "\u{A0}", "\u{2007}", "\u{2009}", "\u{202F}": plain.append(" ")
            default:
                if scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue {
                    plain += "\(Int(value))"
                } else {
                    plain.unicodeScalars.append(scalar)
                }
            }
        }
        return plain
    }

    private static func withoutLaTeX(_ text: String) -> String {
        var plain = text
        for (mark, meaning) in [
            ("{,}", ","), ("\\!", ""), ("\\$", "$"), ("\\%", "%"), ("-\\,", "-"), ("\\left", ""), ("\\right", ""), ("~", " "),
            ("^\\circ", ""), ("^{\\circ}", ""),
        ] { plain = plain.replacing(mark, with: meaning) }
        return
            plain
            .replacing(/(\d)\\[,;: ](\d{3})/) { "\($0.1)\($0.2)" }
            .replacing(/\\[,;: ]/) { _ in " " }
            .replacing(/\\(?:text|mathrm|mbox|textbf|mathbf)\s*\{([^{}]*)\}/) { "\($0.1)" }
            .replacing(/\\[pb]?mod\s*(?:\{[^{}]*\}|\d+)|\(\s*mod\s*\d+\s*\)/) { _ in "" }
            .replacing(/\^\{?(?:th|st|nd|rd)(?![a-z])\}?/) { _ in "" }
            .replacing(/-(?:USD|EUR|GBP|[$€£¥₹₩₽]) ?(\d)/) { "-\($0.1)" }
            .replacing(/(\d)\s*(?:×|\\times|\\cdot|⋅|·|•|\*|[xX])\s*\{?10\}?\s*\^\s*(?:\{\s*([-+]?\d{1,4})\s*\}|([-+]?\d{1,4}))/) {
                "\($0.1)e\($0.2 ?? $0.3 ?? "0")"
            }
            .replacing(/(\d\s*)?\\[cdt]?frac\s*(?:\{\s*([-+]?[\d.]+)\s*\}|(\d))\s*(?:\{\s*([-+]?[\d.]+)\s*\}|(\d))/) {
                let before = $0.1.map { "\($0.first!) " } ?? ""
                return before + "\($0.2 ?? $0.3 ?? "")/\($0.4 ?? $0.5 ?? "")"
            }
            .replacing(/(^|[^\^_A-Za-z}\]])\{\s*([-+]?[\d.,]+)\s*\}/) { "\($0.1)\($0.2)" }
            .replacing(/(\d)\s*(?:\\over|\s\/\s)\s*(\d)/) { "\($0.1)/\($0.2)" }
    }
}

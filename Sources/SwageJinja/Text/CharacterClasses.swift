/// Python's classes of characters.
enum CharacterClass {
    static func isSpace(_ value: UInt32) -> Bool {
        switch value {
        case 9...13, 28...32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    static func isLineBreak(_ value: UInt32) -> Bool {
        switch value {
        case 10...13, 28...30, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    static func properties(_ value: UInt32) -> Unicode.Scalar.Properties? { Unicode.Scalar(value)?.properties }

    static func isAlpha(_ value: UInt32) -> Bool {
        if value < 0x80 { return (65...90).contains(value) || (97...122).contains(value) }
        switch properties(value)?.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }

    static func isDecimal(_ value: UInt32) -> Bool {
        if value < 0x80 { return (48...57).contains(value) }
        return properties(value)?.generalCategory == .decimalNumber
    }

    static func isDigit(_ value: UInt32) -> Bool {
        if value < 0x80 { return (48...57).contains(value) }
        let type = properties(value)?.numericType
        return type == .decimal || type == .digit
    }

    static func isNumeric(_ value: UInt32) -> Bool {
        if value < 0x80 { return (48...57).contains(value) }
        return properties(value)?.numericType != nil
    }

    static func isAlphanumeric(_ value: UInt32) -> Bool { isAlpha(value) || isDecimal(value) || isDigit(value) || isNumeric(value) }

    static func isWord(_ value: UInt32) -> Bool { value == 95 || isAlphanumeric(value) }

    static func isLower(_ value: UInt32) -> Bool {
        if value < 0x80 { return (97...122).contains(value) }
        return properties(value)?.isLowercase ?? false
    }

    static func isUpper(_ value: UInt32) -> Bool {
        if value < 0x80 { return (65...90).contains(value) }
        return properties(value)?.isUppercase ?? false
    }

    static func isTitle(_ value: UInt32) -> Bool {
        value >= 0x80 && properties(value)?.generalCategory == .titlecaseLetter
    }

    static func isCased(_ value: UInt32) -> Bool {
        if value < 0x80 { return isAlpha(value) }
        return isLower(value) || isUpper(value) || isTitle(value)
    }

    static func isPrintable(_ value: UInt32) -> Bool {
        if value < 0x80 { return (32...126).contains(value) }
        switch properties(value)?.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator, nil:
            return false
        default: return true
        }
    }
}

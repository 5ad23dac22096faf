extension Text {
    /// The text as markup: escaped for HTML, unless it is markup already.
    func escaped() -> Text {
        if isMarkup { return self }
        var (result, start) = (Text(), 0)
        for (index, byte) in bytes.enumerated() {
            let name: String
            switch byte {
            case 0x26: name = "&amp;"
            case 0x3E: name = "&gt;"
            case 0x3C: name = "&lt;"
            case 0x27: name = "&#39;"
            case 0x22: name = "&#34;"
            default: continue
            }
            result.append(self, start, index)
            result.append(name, owner: owner(at: index))
            start = index + 1
        }
        result.append(self, start, bytes.count)
        return result.asMarkup()
    }

    /// Python's `+`, in which markup escapes the other side.
    func adding(_ other: Text) -> Text {
        if !isMarkup, !other.isMarkup {
            var result = self
            result.append(other)
            return result
        }
        var result = escaped()
        result.append(other.escaped())
        return result
    }

    /// Without tags and comments, and with one space where there was whitespace.
    func withoutTags() throws -> Text {
        var (result, position) = (Text(), 0)
        while let start = find([0x3C], position) {
            let isComment = hasPrefix(Array("<!--".utf8), start)
            guard let end = isComment ? find(Array("-->".utf8), start + 4) : find([0x3E], start) else { break }
            result.append(self, position, start)
            position = end + (isComment ? 3 : 1)
        }
        result.append(self, position, bytes.count)
        let stripped = Text(" ").joining(result.splitAtSpace(limit: -1))
        if stripped.bytes.contains(0x26) { throw TemplateError.unsupported("HTML entities in striptags") }
        return stripped
    }
}

extension Value {
    /// What markup's methods give: markup, also within lists and tuples.
    func asMarkup() throws -> Value {
        switch self {
        case .text(let text): .text(text.asMarkup())
        case .list(let items): try .list(items.items.map { try $0.asMarkup() })
        case .tuple(let items): try .tuple(items.items.map { try $0.asMarkup() })
        default: self
        }
    }
}

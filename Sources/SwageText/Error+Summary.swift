import Foundation

extension Error {
    /// The error in one line, with the key path of a decoding error.
    package var summary: String {
        guard let error = self as? DecodingError else { return String(describing: self) }
        switch error {
        case .keyNotFound(let key, let context): return "\(context.place)has no \"\(key.stringValue)\""
        case .typeMismatch(let type, let context): return "\(context.place)is not \(type)"
        case .valueNotFound(let type, let context): return "\(context.place)is null, not \(type)"
        case .dataCorrupted(let context):
            let underlying = (context.underlyingError as NSError?)?.userInfo[NSDebugDescriptionErrorKey]
            return "\(context.place)\(context.debugDescription)\(underlying.map { " (\($0))" } ?? "")"
        @unknown default: return error.localizedDescription
        }
    }
}

extension DecodingError.Context {
    fileprivate var place: String {
        let path = codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        return path.isEmpty ? "" : "\"\(path)\" "
    }
}

import Foundation
import Swage

extension Error {
    /// The error in one line: what the operating system says, or a decoding error with its key path.
    package var summary: String {
        if let error = self as? TrainerError { return error.description }
        if let error = self as? DecodingError { return error.summaryWithPath }
        let error = self as NSError
        let cause = (error.userInfo[NSUnderlyingErrorKey] as? any Error) as NSError?
        if let cause, cause.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(cause.code))) }
        return error.domain == NSCocoaErrorDomain ? error.localizedDescription : String(describing: self)
    }
}

extension DecodingError {
    fileprivate var summaryWithPath: String {
        switch self {
        case .keyNotFound(let key, let context): return "\(context.place)has no \"\(key.stringValue)\""
        case .typeMismatch(let type, let context): return "\(context.place)is not \(words(for: type))"
        case .valueNotFound(let type, let context): return "\(context.place)is null, not \(words(for: type))"
        case .dataCorrupted(let context):
            // Foundation says of a number beyond its type that it is not representable in Swift.
            if context.debugDescription.contains("not representable") { return "\(context.place)is a number out of range" }
            let underlying = (context.underlyingError as NSError?)?.userInfo[NSDebugDescriptionErrorKey]
            return "\(context.place)\(context.debugDescription)\(underlying.map { " (\($0))" } ?? "")"
        @unknown default: return localizedDescription
        }
    }
}

/// What JSON should have had, as people call it.
private func words(for type: Any.Type) -> String {
    switch type {
    case is any BinaryInteger.Type: "a whole number"
    case is any BinaryFloatingPoint.Type: "a number"
    case is String.Type: "a text"
    case is Bool.Type: "true or false"
    case is any Sequence.Type where !("\(type)".hasPrefix("Dictionary")): "a list"
    default: "an object"
    }
}

extension DecodingError.Context {
    fileprivate var place: String {
        let path = codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        return path.isEmpty ? "" : "\"\(path)\" "
    }
}

import Foundation
package import Swage

extension Error {
    /// The error in one line: what the operating system says, or what does not fit in a file, in a reader's words.
    package var summary: String {
        if let error = self as? TrainerError { return error.description }
        if let error = self as? DecodingError { return error.summaryWithPath }
        let error = self as NSError
        let cause = (error.userInfo[NSUnderlyingErrorKey] as? any Error) as NSError?
        if let cause, cause.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(cause.code))) }
        return error.domain == NSCocoaErrorDomain ? error.localizedDescription : String(describing: self)
    }
}

extension TrainerError {
    /// The error of a file, with its path before what is wrong or before the line or byte where it is.
    func placed(in path: String) -> TrainerError {
        let isPlaced = message.hasPrefix("line ") || message.hasPrefix("byte ")
        return TrainerError(code, "\(path)\(isPlaced ? "," : ":") \(message)", expected: expected)
    }

    /// The error of a row, with the place of the row unless it says that itself.
    package func placed(at place: String) -> TrainerError {
        message.hasPrefix(place) ? self : TrainerError(.invalidData, "\(place): \(self)")
    }
}

extension DecodingError {
    fileprivate var summaryWithPath: String {
        switch self {
        case .keyNotFound(let key, let context): "\(context.place)has no \"\(key.stringValue)\""
        case .typeMismatch(let type, let context): "\(context.place)is not \(Self.words(for: type))"
        case .valueNotFound(let type, let context): "\(context.place)is null, not \(Self.words(for: type))"
        case .dataCorrupted(let context) where context.codingPath.isEmpty: "it is not JSON, or ends in the middle"
        // Foundation says of a number beyond its type that it is not representable in Swift.
        case .dataCorrupted(let context) where context.debugDescription.contains("not representable"):
            "\(context.place)is a number out of range"
        case .dataCorrupted(let context): "\(context.place)has a value that cannot be"
        @unknown default: "it is not what its format says"
        }
    }

    /// What a reader calls the values of a type of Swift's.
    private static func words(for type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "a whole number"
        case is any BinaryFloatingPoint.Type: "a number"
        case is any Collection.Type where !(type is any ExpressibleByDictionaryLiteral.Type): "a list"
        default: "an object"
        }
    }
}

extension DecodingError.Context {
    fileprivate var place: String {
        let path = codingPath.prefix(8).map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        return path.isEmpty ? "it " : "\"\(path)\" "
    }
}

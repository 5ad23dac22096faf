/// Why a template was refused, or did not render to its end.
package struct TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong.
    package enum Kind: String, Hashable, Sendable {
        /// The source is no template.
        case syntax
        /// Something that Jinja or Python has, and this interpreter has not.
        case unsupported
        /// What raises an exception in Python.
        case evaluation
        /// The template called `raise_exception`.
        case raised
        /// One of the limits was reached.
        case limit
    }

    /// What went wrong.
    package var kind: Kind
    /// What went wrong, in words close to Python's.
    package var message: String
    /// The line of the source, from 1, or 0 where none is known.
    package var line: Int

    /// An error of a kind, at a line of the source.
    package init(_ kind: Kind, _ message: String, line: Int = 0) {
        self.kind = kind
        self.message = message
        self.line = line
    }

    /// The message with its line.
    package var description: String { line > 0 ? "line \(line): \(message)" : message }

    static func type(_ message: String) -> TemplateError { TemplateError(.evaluation, "TypeError: " + message) }
    static func value(_ message: String) -> TemplateError { TemplateError(.evaluation, "ValueError: " + message) }
    static func limit(_ message: String) -> TemplateError { TemplateError(.limit, message) }
    static func unsupported(_ message: String) -> TemplateError { TemplateError(.unsupported, message) }
}

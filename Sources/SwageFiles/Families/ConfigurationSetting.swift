import Swage
import SwageText

/// A number of the configuration that a key of `config.json`, or of GGUF's metadata, holds.
struct ConfigurationSetting: Sendable {
    enum Kind: Sendable {
        /// A number above 0.
        case number
        /// A whole number above 0.
        case count
        /// A number above 0, or null for none, which is 0 in the configuration.
        case optional
    }

    let key: String
    /// After the architecture.
    let gguf: String?
    let kind: Kind
    let place: any WritableKeyPath<ModelConfiguration, Double> & Sendable

    init(_ key: String, gguf: String? = nil, _ place: any WritableKeyPath<ModelConfiguration, Double> & Sendable, _ kind: Kind = .number) {
        (self.key, self.gguf, self.kind, self.place) = (key, gguf, kind, place)
    }

    /// Takes the value over, where the key or the family's defaults have one.
    func read(_ fields: ConfigurationFields, into configuration: inout ModelConfiguration) throws {
        guard let field = fields[key] else {
            if kind == .optional { configuration[keyPath: place] = 0 }
            return
        }
        let value = kind == .count ? Double(try field.integer(1...1 << 40)) : try field.number()
        guard value > 0, value < 1e30 else { throw field.wrong("a number above 0") }
        configuration[keyPath: place] = value
    }

    func read(_ gguf: GGUFFile, _ architecture: String, into configuration: inout ModelConfiguration) throws {
        guard let name = self.gguf, let value = try gguf.optional("\(architecture).\(name)", \.number) else { return }
        guard value >= 0, value < 1e30, kind != .number || value > 0 else {
            throw gguf.file.corrupt("\(architecture).\(name) is \(value)", expected: "a number above 0")
        }
        configuration[keyPath: place] = value
    }

    func write(_ configuration: ModelConfiguration, to json: inout JSONObject) {
        let value = configuration[keyPath: place]
        if value == 0 { return json.set(key, to: .null) }
        json[key] = kind == .count ? .number(Int(value)) : .number(value)
    }
}

import Swage
import SwageText

/// The keys of a `config.json` as a family reads them: under its own spelling, and with transformers' defaults for those that are
/// not there. It knows which of them were asked for.
final class ConfigurationFields {
    let stated: JSONField
    private let standards: JSONField
    private let spelling: [String: String]
    private(set) var used: Set<String> = []

    init(_ json: JSONField, _ family: ModelFamily) {
        stated = json
        standards = JSONField(.object(family.standards), file: "transformers' defaults")
        spelling = family.spelling
    }

    /// What stands under a key, or is taken where nothing does.
    subscript(key: String) -> JSONField? { isNull(key) ? nil : self.stated(key) ?? standard(key) }

    /// What stands under a key in the file.
    func stated(_ key: String) -> JSONField? {
        let own = spelling[key]
        used.formUnion([key, own ?? key])
        return own.flatMap { stated[$0] } ?? stated[key]
    }

    /// What stands under a key, or is taken where nothing does.
    /// - Throws: ``TrainerError`` with code `corruptFile` if there is neither.
    func required(_ key: String) throws -> JSONField { try self[key] ?? stated.required(spelling[key] ?? key) }

    /// Whether null stands under a key, where that means something else than nothing.
    func isNull(_ key: String) -> Bool { stated.isNull(spelling[key] ?? key) }

    func size(_ key: String, most: Int) throws -> Int { try required(key).integer(1...most) }

    /// What is taken where nothing stands under a key.
    func standard(_ key: String) -> JSONField? { spelling[key].flatMap { standards[$0] } ?? standards[key] }

    /// A flag, false where neither the file nor the family has it.
    func flag(_ key: String) throws -> Bool { try (stated(key) ?? standard(key))?.flag() ?? false }

    /// A number, for which null is nothing.
    func number(_ key: String) throws -> Double? { try (stated(key) ?? standard(key))?.number() }
}

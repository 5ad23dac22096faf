import Swage
import SwageText

/// Which layers of a family see only the last positions, and what in `config.json` says so.
enum LayerRule: Sendable {
    /// All layers see everything.
    case full
    /// All layers have the window of `sliding_window`, if there is one.
    case sliding
    /// Layers from `max_window_layers` on have it, where `use_sliding_window` says so (Qwen).
    case switched
    /// As `layer_types` says; without it every layer but each `fullEvery`th, a number that the key `period` may give.
    case typed(fullEvery: Int?, period: String? = nil)
    /// As `layer_types` says; without it those that turn nothing, where `use_sliding_window` says so (SmolLM 3).
    case unturned

    /// The windows of all layers, nil for none.
    /// - Parameter turns: whether each layer turns queries and keys.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported` for what the family's code does not compute.
    func windows(_ fields: ConfigurationFields, layerCount: Int, turns: [Bool]) throws -> [Int?] {
        func everyLayer(_ window: Int?) -> [Int?] { Array(repeating: window, count: layerCount) }
        let window = try fields["sliding_window"]?.integer(1...1 << 40)
        let types = try fields["layer_types"].map { field in
            let types = try field.list()
            guard types.count == layerCount else { throw field.wrong("one type for each of the \(layerCount) layers") }
            return types
        }
        switch self {
        case .full, .sliding:
            // The model's code has one kind of attention for all layers.
            let used = if case .sliding = self { window } else { Int?.none }
            for type in types ?? [] where try type.text() != (used == nil ? "full_attention" : "sliding_attention") {
                throw type.wrong("the same kind of attention in every layer", code: .unsupported)
            }
            return everyLayer(used)
        case .switched:
            let used = try fields["use_sliding_window"]?.flag() ?? false ? window : nil
            if let types { return try Self.windows(types, used) }
            let first = try fields["max_window_layers"]?.integer(0...Int.max) ?? 28
            return (0..<layerCount).map { $0 >= first ? used : nil }
        case .typed(let fullEvery, let key):
            if let types { return try Self.windows(types, window) }
            let period = try key.flatMap { try fields[$0]?.integer(1...1 << 20) } ?? fullEvery
            return (0..<layerCount).map { index in period.map { (index + 1) % $0 == 0 } ?? false ? nil : window }
        case .unturned:
            let used = try fields["use_sliding_window"]?.flag() ?? false ? window : nil
            // Without a window in use, a layer of either type sees everything.
            if let types { return try used.map { try Self.windows(types, $0) } ?? everyLayer(nil) }
            return turns.map { $0 ? nil : used }
        }
    }

    private static func windows(_ types: [JSONField], _ used: Int?) throws -> [Int?] {
        try types.map { type in
            switch (try type.text(), used) {
            case ("full_attention", _): return nil
            case ("sliding_attention", let window?): return window
            case ("sliding_attention", nil): throw type.wrong("full_attention, for there is no window in use", code: .unsupported)
            default: throw type.wrong("full_attention or sliding_attention", code: .unsupported)
            }
        }
    }

    /// Whether a GGUF file may say which layers have a window.
    var hasPattern: Bool { if case .typed = self { true } else { false } }

    /// The windows of all layers of a GGUF file, which gives the width, and may give which layers have it: each but every so many-th, or
    /// a flag for each.
    func windows(width: Int?, pattern: GGUFValue?, layerCount: Int) -> [Int?]? {
        guard case .typed(let fullEvery, _) = self else { return Array(repeating: width, count: layerCount) }
        if let flags = pattern?.array {
            let windows = flags.prefix(layerCount).compactMap(\.flag).map { $0 ? width : nil }
            return windows.count == layerCount ? windows : nil
        }
        guard pattern == nil || pattern?.integer.map({ $0 >= 0 }) == true else { return nil }
        let period = pattern?.integer ?? fullEvery ?? 0
        return (0..<layerCount).map { period > 0 && ($0 + 1) % period == 0 ? nil : width }
    }

    /// Writes what ``windows(_:layerCount:turns:)`` reads.
    func write(_ windows: [Int?], to json: inout JSONObject) {
        let window = windows.compactMap(\.self).first
        let types = JSONValue.list(windows.map { .text($0 == nil ? "full_attention" : "sliding_attention") })
        switch self {
        case .full: break
        case .sliding:
            // Without the key, there would be a window of transformers' own.
            json.set("sliding_window", to: window.map { .number($0) } ?? .null)
        case .switched, .unturned:
            guard let window else { return }
            json["sliding_window"] = .number(window)
            json["use_sliding_window"] = true
            json["layer_types"] = types
        case .typed:
            json.set("sliding_window", to: window.map { .number($0) } ?? .null)
            json["layer_types"] = types
        }
    }
}

import Swage
import SwageText

/// How the layers of a family turn queries and keys, and what in `config.json` says so.
struct RotaryRule: Sendable {
    enum Kind: Sendable {
        /// All layers alike.
        case one
        /// Layers with a window otherwise than the others, with a base of their own under a key of its own.
        case byWindow(localKey: String?, localTheta: Double)
        /// Not those that `no_rope_layers` marks by 0; without it each `no_rope_layer_interval`th.
        case skipping
        /// None: positions are learned.
        case none
    }

    var kind = Kind.one
    var pairs = Rotary.Pairs.halves
    /// The families whose code knows of `partial_rotary_factor`.
    var isPartial = false
    /// The family that calls longrope by other names as well (Phi 3).
    var hasOwnYarn = false
    /// The families whose code scales queries with their position (Llama 4, Ministral 3).
    var scalesQueries = false

    /// Whether each layer turns queries and keys.
    func turns(_ fields: ConfigurationFields, layerCount: Int) throws -> [Bool] {
        switch kind {
        case .one, .byWindow: return Array(repeating: true, count: layerCount)
        case .none: return Array(repeating: false, count: layerCount)
        case .skipping:
            if let field = fields["no_rope_layers"] {
                let marks = try field.list()
                guard marks.count >= layerCount else { throw field.wrong("a mark for each of the \(layerCount) layers") }
                return try marks.prefix(layerCount).map { try $0.integer(0...1) == 1 }
            }
            let interval = try fields["no_rope_layer_interval"]?.integer(1...1 << 20) ?? 4
            return (1...layerCount).map { $0 % interval != 0 }
        }
    }

    /// The rotaries of a model that is otherwise read, and which layer has which.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported`.
    func read(_ fields: ConfigurationFields, windows: [Int?], turns: [Bool], into configuration: inout ModelConfiguration) throws {
        let reader = RotaryReader(fields: fields, rule: self, headSize: configuration.headSize, contextLength: configuration.contextLength)
        switch kind {
        case .none: configuration.rotaries = []
        case .one, .skipping: configuration.rotaries = [try reader.only()]
        case .byWindow(let key, let theta): configuration.rotaries = try reader.byWindow(localKey: key, localTheta: theta)
        }
        if scalesQueries { (configuration.scales.queryGrowth, configuration.scales.queryContext) = try reader.queryGrowth() }
        configuration.layers = layers(windows: windows, turns: turns, rotaryCount: configuration.rotaries.count)
    }

    /// The layers of a model with so many rotaries.
    func layers(windows: [Int?], turns: [Bool], rotaryCount: Int) -> [DecoderLayer] {
        zip(windows, turns).map { window, turns in
            DecoderLayer(window: window, rotary: !turns ? nil : rotaryCount > 1 && window != nil ? 1 : 0)
        }
    }

    /// Whether each layer of a GGUF file turns queries and keys.
    func turns(layerCount: Int) -> [Bool] {
        (1...layerCount).map { number in
            switch kind {
            case .one, .byWindow: true
            case .none: false
            case .skipping: number % 4 != 0
            }
        }
    }

    /// Writes what ``read(_:windows:turns:into:)`` reads, as transformers 4 reads it as well where there is one rotary.
    func write(_ configuration: ModelConfiguration, to json: inout JSONObject) {
        func part(_ rotary: Rotary) -> JSONValue? {
            let isSaid = rotary.width != configuration.headSize || configuration.family.standards["partial_rotary_factor"] != nil
            return isSaid ? .number(Double(rotary.width) / Double(configuration.headSize)) : nil
        }
        switch kind {
        case .none: return
        case .one, .skipping:
            let rotary = configuration.rotaries[0]
            json["rope_theta"] = .number(rotary.theta)
            json["partial_rotary_factor"] = part(rotary)
            var scaling = rotary.scaling.json
            if scalesQueries {
                scaling["llama_4_scaling_beta"] = .number(configuration.scales.queryGrowth)
                scaling["original_max_position_embeddings"] = .number(Int(configuration.scales.queryContext))
            }
            json["rope_scaling"] = rotary.scaling == .none && !scalesQueries ? nil : .object(scaling)
            // What stands outside counts before what stands inside.
            if hasOwnYarn, case .longrope(_, _, let context, _) = rotary.scaling { json["original_max_position_embeddings"] = .number(context) }
        case .byWindow:
            let inner = configuration.rotaries.map { rotary in
                var json = rotary.scaling.json
                json["rope_theta"] = .number(rotary.theta)
                json["partial_rotary_factor"] = part(rotary)
                return JSONValue.object(json)
            }
            json["rope_parameters"] = ["full_attention": inner[0], "sliding_attention": inner[1]]
        }
        if case .skipping = kind { json["no_rope_layers"] = .list(configuration.layers.map { $0.rotary == nil ? 0 : 1 }) }
    }
}

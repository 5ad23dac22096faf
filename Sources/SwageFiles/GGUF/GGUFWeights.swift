import Swage

/// The weights of a GGUF file under Hugging Face's names and in its layout.
struct GGUFWeights: WeightSource {
    let file: GGUFFile
    private let configuration: ModelConfiguration
    private let places: [String: Place]
    let unreadable: [String: String]

    /// What a tensor of Hugging Face's name is made of.
    struct Place {
        let stored: String
        let role: TensorRole
        /// Which expert's part of it.
        var expert: Int?
        /// The tensor whose elements stand between the others.
        var half: String?
    }

    /// - Throws: ``TrainerError`` with code `corruptFile` for halves of a tensor that do not fit each other.
    init(file: GGUFFile, configuration: ModelConfiguration) throws {
        self.file = file
        self.configuration = configuration
        let family = configuration.family
        let roles = Dictionary(family.tensors.map { ($1.gguf, $0) }) { first, _ in first }
        let halves = Set(family.tensors.values.compactMap(\.ggufHalf))
        var places: [String: Place] = [:]
        var others: [String: String] = [:]
        for (stored, tensor) in file.tensors {
            let names = Self.huggingFaceNames(stored, roles, family, expertCount: min(configuration.experts.count, tensor.shape.first ?? 0))
            for (name, place) in names { places[name] = place }
            if !names.isEmpty {
                continue
            } else if !GGUFFile.ropeTensors.contains(stored), !halves.contains(where: { stored.wholeMatch(of: /blk\.\d+\.(\w+)\.\w+/)?.1 == $0[...] }) {
                others[stored] = tensor.encoding.name
            }
        }
        (self.places, unreadable) = (places, others)
        try places.values.forEach(checkHalves)
    }

    var tensorNames: Set<String> { Set(places.keys) }

    func shape(of name: String) -> [Int]? {
        guard let place = places[name], let tensor = part(place) else { return nil }
        if place.role.isJoinedExperts { return joinedShape(place, tensor.shape) }
        return isTransposed(place.role, tensor.shape) ? tensor.shape.reversed() : tensor.shape
    }

    /// A stored tensor, or one expert's part of it.
    private func part(_ place: Place) -> StoredTensor? {
        guard let tensor = file.tensors[place.stored] else { return nil }
        return place.expert.map(tensor.slice) ?? tensor
    }

    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        guard let place = places[name], let tensor = part(place) else {
            throw file.file.corrupt("there is no tensor for \"\(name)\"")
        }
        if place.role.isJoinedExperts { return try readJoinedExperts(place, tensor, into: destination) }
        try file.read(tensor, into: destination)
        let (family, role) = (configuration.family, place.role)
        if family.gguf?.interleavesRotaryPairs == true, [.query, .key].contains(role) {
            let heads = role == .query ? configuration.headCount : configuration.keyValueHeadCount
            Self.separateRotaryPairs(destination, heads: heads, headSize: configuration.headSize)
        }
        if family.gguf?.addsOneToNorms == true, role.isNorm { for index in destination.indices { destination[index] -= 1 } }
        if isTransposed(role, tensor.shape) { Self.transpose(destination, rows: tensor.shape[0], columns: tensor.shape[1]) }
    }

    /// GGUF stores matrices as `[outputs, inputs]` whatever Hugging Face does.
    private func isTransposed(_ role: TensorRole, _ shape: [Int]) -> Bool {
        configuration.family.storesTransposed && role.isLayerMatrix && shape.count == 2
    }

    private static func transpose(_ matrix: UnsafeMutableBufferPointer<Float>, rows: Int, columns: Int) {
        let source = Array(matrix)
        for row in 0..<rows { for column in 0..<columns { matrix[column * rows + row] = source[row * columns + column] } }
    }

    /// GGUF's llama files keep the two elements of a rotary pair side by side; Hugging Face keeps them half a head
    /// apart. Rows of `[heads · headSize, columns]` go from the one order to the other.
    static func separateRotaryPairs(_ rows: UnsafeMutableBufferPointer<Float>, heads: Int, headSize: Int) {
        let columns = rows.count / (heads * headSize)
        let interleaved = Array(rows)
        for head in 0..<heads {
            for pair in 0..<headSize / 2 {
                for part in 0..<2 {
                    let source = (head * headSize + 2 * pair + part) * columns
                    let target = (head * headSize + part * headSize / 2 + pair) * columns
                    for column in 0..<columns { rows[target + column] = interleaved[source + column] }
                }
            }
        }
    }

    private static func huggingFaceNames(
        _ stored: String, _ roles: [String: TensorRole], _ family: ModelFamily, expertCount: Int
    ) -> [(name: String, place: Place)] {
        let parts = stored.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, let role = roles[parts[0]], role.isOuter, let name = family.tensorName(role, parts[1]) {
            return [(name, Place(stored: stored, role: role))]
        }
        guard parts.count == 4, parts[0] == "blk", let role = roles[parts[2]], !role.isOuter, let layer = Int(parts[1]), "\(layer)" == parts[1]
        else { return [] }
        return (0..<(role.isExperts ? expertCount : 1)).compactMap { expert in
            family.tensorName(role, parts[3], layer: layer, expert: expert).map {
                let half = family.tensors[role]?.ggufHalf.map { "blk.\(layer).\($0).\(parts[3])" }
                return ($0, Place(stored: stored, role: role, expert: role.isExperts ? expert : nil, half: half))
            }
        }
    }
}

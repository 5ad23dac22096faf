/// What characters become.
enum UnicodeMappings {
    static let lowercase = TableReader.mappings(UnicodeMappingTable.lowercase)
    static let canonical = TableReader.mappings(UnicodeMappingTable.canonical)
    static let compatibility = TableReader.mappings(UnicodeMappingTable.compatibility)

    /// The composed character by its two parts.
    static let compositions: [UInt64: UInt32] = {
        var reader = TableReader(UnicodeMappingTable.compositions)
        var compositions: [UInt64: UInt32] = [:]
        var result: UInt32 = 0
        while let distance = reader.next(), let first = reader.next(), let second = reader.next() {
            result += distance
            compositions[UInt64(first) << 32 | UInt64(second)] = result
        }
        return compositions
    }()

    static let combiningClasses: [UInt32: UInt8] = {
        var classes: [UInt32: UInt8] = [:]
        for (range, value) in TableReader.values(UnicodeMappingTable.combiningClasses) {
            for scalar in range { classes[scalar] = UInt8(value) }
        }
        return classes
    }()
}

extension Conformance {
    /// How far numbers of a type may lie from each other, in what float32's may, which is what the promises say. `dtype`: torch's
    /// name of the type that a trainer computes in, as its capabilities tell it; nil, and a name that is not known, for float32's.
    ///
    /// bfloat16 has 8 bits of a number where float32 has 24, float16 has 11; what float32 is given is far more than its last bit.
    public static func slack(of dtype: String?) -> Double {
        switch dtype {
        case "bfloat16": 200
        case "float16": 25
        default: 1
        }
    }
}

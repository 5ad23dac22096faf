/// A token that is found in text as it is spelled, before any other rule: `<|im_start|>` and its like.
package struct AddedToken: Sendable, Equatable {
    package var id: Int32
    package var content: String
    /// Whether decoding can leave it out.
    package var isSpecial: Bool
    /// Whether it swallows the white space before it.
    package var stripsLeft: Bool
    /// Whether it swallows the white space after it.
    package var stripsRight: Bool
    /// Whether it is found only where no letter, digit or underscore stands right before or after it.
    package var isSingleWord: Bool
    /// Whether it is found in the text as the normalizer leaves it, after all those that are found in the text as it came.
    package var isNormalized: Bool

    package init(
        id: Int32, content: String, isSpecial: Bool, stripsLeft: Bool = false, stripsRight: Bool = false, isSingleWord: Bool = false,
        isNormalized: Bool = false
    ) {
        self.id = id
        self.content = content
        self.isSpecial = isSpecial
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
        self.isSingleWord = isSingleWord
        self.isNormalized = isNormalized
    }
}

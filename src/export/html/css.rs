//! Styles of mail made harmless: only declarations of known properties with known functions are
//! kept, and they are spelled out again (CSS Syntax Level 3; the only own use of `cssparser`).
//!
//! Whatever could load something (`url()`, `image-set()`, `@import`, `@font-face`, `src`), move a
//! text over another (`position`) or hold text (`content`) is not on the list, so it is gone.

use cssparser::{
    AtRuleParser, CowRcStr, DeclarationParser, ParseError, Parser, ParserState,
    QualifiedRuleParser, RuleBodyItemParser, RuleBodyParser, StyleSheetParser, ToCss as _, Token,
    TokenSerializationType, serialize_string,
};

use crate::mail::bounds::{STYLE_LEVELS, STYLE_RULES};

/// Properties that may be set.
const PROPERTIES: [&str; 103] = [
    "background",
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-left-radius",
    "border-bottom-right-radius",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-radius",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-left-radius",
    "border-top-right-radius",
    "border-top-style",
    "border-top-width",
    "border-width",
    "box-sizing",
    "caption-side",
    "clear",
    "color",
    "column-gap",
    "direction",
    "display",
    "empty-cells",
    "flex",
    "flex-basis",
    "flex-direction",
    "flex-flow",
    "flex-grow",
    "flex-shrink",
    "flex-wrap",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-stretch",
    "font-style",
    "font-variant",
    "font-weight",
    "gap",
    "align-content",
    "align-items",
    "align-self",
    "height",
    "hyphens",
    "justify-content",
    "justify-items",
    "justify-self",
    "letter-spacing",
    "line-height",
    "list-style-position",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "opacity",
    "order",
    "orphans",
    "overflow-wrap",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "row-gap",
    "table-layout",
    "text-align",
    "text-align-last",
    "text-decoration",
    "text-decoration-color",
    "text-decoration-line",
    "text-decoration-style",
    "text-indent",
    "text-overflow",
    "text-shadow",
    "text-transform",
    "unicode-bidi",
    "vertical-align",
    "visibility",
    "white-space",
    "widows",
    "width",
    "word-break",
    "word-spacing",
];
/// Functions that may stand in a value. None of them takes an address.
const FUNCTIONS: [&str; 8] = ["rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp"];
/// Functions that may stand in a selector.
const SELECTORS: [&str; 7] = [
    "not",
    "is",
    "where",
    "nth-child",
    "nth-last-child",
    "nth-of-type",
    "lang",
];

/// Signs of their own that selectors, values and conditions are made of. Neither `@`, `<`, `\\`
/// nor `#`: with what follows, each of them could be read as something else.
const DELIMITERS: [char; 10] = ['.', '>', '+', '~', '*', '|', '=', '/', '-', '!'];

/// What is left of a style, and whether something in it was dropped that could have loaded
/// something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CleanStyle {
    pub(super) css: String,
    pub(super) had_address: bool,
}

/// The declarations of a `style` attribute.
pub(super) fn declarations(text: &str) -> CleanStyle {
    let mut cleaner = Cleaner::default();
    let mut parser = Parser::new(text);
    let css = cleaner.body(&mut parser);
    CleanStyle {
        css,
        had_address: cleaner.had_address,
    }
}

/// The rules of a style sheet.
pub(super) fn sheet(text: &str) -> CleanStyle {
    let mut cleaner = Cleaner::default();
    let mut parser = Parser::new(text);
    let mut css = String::new();
    let mut walk = StyleSheetParser::new(&mut parser, &mut cleaner);
    while let Some(rule) = walk.next() {
        css.push_str(&rule.unwrap_or_default());
        if walk.parser.rules > STYLE_RULES {
            break;
        }
    }
    CleanStyle {
        css,
        had_address: cleaner.had_address,
    }
}

/// A failure of the parser, of which nothing is said.
type Dropped = ParseError<()>;

/// Spells out what may stay.
#[derive(Debug, Default)]
struct Cleaner {
    had_address: bool,
    rules: usize,
    levels: usize,
}

impl Cleaner {
    /// Declarations in a row, without what they must not say.
    fn body(&mut self, input: &mut Parser<'_>) -> String {
        let mut css = String::new();
        for declaration in RuleBodyParser::new(input, self).flatten() {
            css.push_str(&declaration);
        }
        css
    }

    /// Spells out tokens, as far as all of them are harmless; `None` if one is not.
    fn tokens(&mut self, input: &mut Parser<'_>, functions: &[&str]) -> Option<String> {
        let mut out = Spelled::default();
        while let Ok(token) = input.next_including_whitespace() {
            let token = token.clone();
            let close = match &token {
                Token::WhiteSpace(_) => {
                    out.space = true;
                    continue;
                }
                Token::UnquotedUrl(_) | Token::BadUrl(_) => {
                    self.had_address = true;
                    return None;
                }
                Token::Function(name) => {
                    let known = |other: &&str| name.eq_ignore_ascii_case(other);
                    if !functions.iter().any(known) {
                        self.had_address = true;
                        return None;
                    }
                    Some(')')
                }
                Token::ParenthesisBlock => Some(')'),
                Token::SquareBracketBlock => Some(']'),
                token if is_harmless(token) => None,
                _ => return None,
            };
            out.push(&token)?;
            if let Some(close) = close {
                if self.levels >= STYLE_LEVELS {
                    return None;
                }
                self.levels += 1;
                let inner = input.parse_nested_block(|input| {
                    let inner = self.tokens(input, functions);
                    inner.ok_or_else(Dropped::unexpected_token)
                });
                self.levels -= 1;
                out.close(&inner.ok()?, close);
            }
        }
        Some(out.css)
    }
}

/// Whether a token that holds no others may stay, and is read as the same one once it is spelled
/// out again.
fn is_harmless(token: &Token<'_>) -> bool {
    match token {
        // Before `>`, `--` would be the end of a comment in HTML.
        Token::Ident(name) if *name == "--" => false,
        Token::Ident(name) | Token::Hash(name) | Token::IDHash(name) => !name.contains('<'),
        Token::Delim(sign) => DELIMITERS.contains(sign),
        Token::Dimension { value, unit, .. } => {
            value.is_finite() && unit.bytes().all(|b| b.is_ascii_alphabetic())
        }
        Token::Number { value, .. } => value.is_finite(),
        Token::Percentage { unit_value, .. } => (unit_value * 100.).is_finite(),
        Token::QuotedString(_)
        | Token::Colon
        | Token::Comma
        | Token::IncludeMatch
        | Token::DashMatch
        | Token::PrefixMatch
        | Token::SuffixMatch
        | Token::SubstringMatch => true,
        _ => false,
    }
}

/// Tokens spelled out in a row, so that each is read again as what it was: two that a comment
/// kept apart (`url/**/(x)`) do not become one (CSS Syntax Level 3, section 9).
#[derive(Default)]
struct Spelled {
    css: String,
    last: TokenSerializationType,
    /// Space that stands before the next token, if there is one.
    space: bool,
}

impl Spelled {
    fn push(&mut self, token: &Token<'_>) -> Option<()> {
        let kind = token.serialization_type();
        if std::mem::take(&mut self.space) {
            if !self.css.is_empty() {
                self.css.push(' ');
            }
        } else if self.last.needs_separator_when_before(kind) {
            self.css.push_str("/**/");
        }
        self.last = kind;
        if let Token::QuotedString(text) = token {
            // Nothing but `</style` could end the element, and a text may hold anything.
            let mut quoted = String::new();
            serialize_string(text, &mut quoted).ok()?;
            self.css.push_str(&quoted.replace('<', "\\3c "));
            return Some(());
        }
        token.to_css(&mut self.css).ok()
    }

    fn close(&mut self, inner: &str, close: char) {
        self.css.push_str(inner);
        self.css.push(close);
        self.last = TokenSerializationType::default();
    }
}

impl<'i> DeclarationParser<'i> for Cleaner {
    type Declaration = String;
    type Error = ();

    fn parse_value(
        &mut self,
        name: CowRcStr<'i>,
        input: &mut Parser<'i>,
        _start: &ParserState,
    ) -> Result<String, Dropped> {
        let value = self.tokens(input, &FUNCTIONS);
        let name = name.to_ascii_lowercase();
        match value {
            Some(value) if PROPERTIES.contains(&name.as_str()) => Ok(format!("{name}:{value};")),
            _ => Err(Dropped::unexpected_token()),
        }
    }
}

impl<'i> QualifiedRuleParser<'i> for Cleaner {
    type Prelude = String;
    type QualifiedRule = String;
    type Error = ();

    fn parse_prelude(&mut self, input: &mut Parser<'i>) -> Result<String, Dropped> {
        self.rules += 1;
        let selector = self.tokens(input, &SELECTORS);
        selector.ok_or_else(Dropped::unexpected_token)
    }

    fn parse_block(
        &mut self,
        selector: String,
        _start: &ParserState,
        input: &mut Parser<'i>,
    ) -> Result<String, Dropped> {
        let body = self.body(input);
        Ok(format!("{selector}{{{body}}}\n"))
    }
}

impl<'i> AtRuleParser<'i> for Cleaner {
    type Prelude = String;
    type AtRule = String;
    type Error = ();

    fn parse_prelude(
        &mut self,
        name: CowRcStr<'i>,
        input: &mut Parser<'i>,
    ) -> Result<String, Dropped> {
        if name.eq_ignore_ascii_case("import") || name.eq_ignore_ascii_case("font-face") {
            self.had_address = true;
        }
        if !name.eq_ignore_ascii_case("media") || self.levels >= STYLE_LEVELS {
            return Err(Dropped::unexpected_token());
        }
        let condition = self.tokens(input, &[]);
        condition.ok_or_else(Dropped::unexpected_token)
    }

    fn parse_block(
        &mut self,
        condition: String,
        _start: &ParserState,
        input: &mut Parser<'i>,
    ) -> Result<String, Dropped> {
        self.levels += 1;
        let mut css = String::new();
        let mut walk = StyleSheetParser::new(input, self);
        while let Some(rule) = walk.next() {
            css.push_str(&rule.unwrap_or_default());
            if walk.parser.rules > STYLE_RULES {
                break;
            }
        }
        self.levels -= 1;
        Ok(format!("@media {condition}{{{css}}}\n"))
    }
}

impl RuleBodyItemParser<'_, String, ()> for Cleaner {
    fn parse_declarations(&self) -> bool {
        true
    }

    fn parse_qualified(&self) -> bool {
        false
    }
}

/// What holds for any style: nothing in it leads anywhere or ends it.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(text: &str) {
    let (rules, body) = (sheet(text).css, declarations(text).css);
    // What is written is read as it was meant, so a second time changes nothing.
    assert_eq!(sheet(&rules).css, rules);
    assert_eq!(declarations(&body).css, body);
    for css in [rules, body] {
        assert!(!css.contains('<'), "{css}");
        // What a browser reads in it, besides texts in quotes.
        let mut blocks = 0;
        let mut parser = Parser::new(&css);
        check(&mut parser, &mut blocks);
    }
}

#[cfg(any(test, feature = "fuzzing"))]
fn check(parser: &mut Parser<'_>, blocks: &mut usize) {
    while let Ok(token) = parser.next() {
        match token.clone() {
            Token::UnquotedUrl(url) | Token::BadUrl(url) => panic!("an address: {url}"),
            Token::AtKeyword(name) => {
                assert!(name.eq_ignore_ascii_case("media"), "{name}");
                continue;
            }
            Token::Function(name) => {
                let mut known = FUNCTIONS.iter().chain(&SELECTORS);
                assert!(known.any(|k| name.eq_ignore_ascii_case(k)), "{name}");
            }
            Token::ParenthesisBlock | Token::SquareBracketBlock | Token::CurlyBracketBlock => {}
            _ => continue,
        }
        *blocks += 1;
        let _ = parser.parse_nested_block(|inner| {
            check(inner, blocks);
            Ok::<(), ParseError<()>>(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layout_stays() {
        for css in [
            "color:red;",
            "font-family:\"Open Sans\", Arial, sans-serif;",
            "width:calc(100% - 20px);",
            "color:rgba(0, 0, 0, .5) !important;",
            "background:#fff;",
        ] {
            let clean = declarations(css);
            assert_eq!(clean.css.replace("0.5", ".5"), css);
            assert!(!clean.had_address);
        }
        let clean = sheet(
            "@media (max-width: 600px) { .a > td[class~=b], P:not(.c) { Width: 100% !important } }",
        );
        assert_eq!(
            clean.css,
            "@media (max-width: 600px){.a > td[class~=b], P:not(.c){width:100% !important;}\n}\n"
        );
    }

    #[test]
    fn what_loads_moves_or_speaks_goes() {
        for css in [
            "background:url(//t/x.png)",
            "background:url('//t/x.png')",
            "background: u\\72l(//t)",
            "background:image-set('//t' 1x)",
            "background:\\69mage-set('//t' 1x)",
            "color:var(--x)",
            "--x:url(//t)",
            "position:fixed",
            "content:'text'",
            "src:'//t'",
            "behavior:url(//t)",
            "list-style-image:url(//t)",
            "cursor:url(//t),auto",
            "-moz-binding:url(//t)",
            "width:expression(alert(1))",
            "filter:url(//t)",
            "color:red url(",
            "background:url(//t",
            "animation:x 1s",
        ] {
            assert_eq!(declarations(css).css, "", "{css}");
            assert_eq!(
                sheet(&format!("p{{{css}}}")).css.replace("p{}\n", ""),
                "",
                "{css}"
            );
        }
        for css in [
            "@import '//t';",
            "@import url(//t);",
            "@font-face{font-family:x;src:url(//t)}",
            "@namespace x '//t';",
            "@page{margin:0}",
            "@keyframes x{from{color:red}}",
            "@supports(color:red){p{color:red}}",
            "@layer x{p{color:red}}",
            "<!-- -->",
        ] {
            assert_eq!(sheet(css).css, "", "{css}");
        }
        assert!(sheet("@import '//t';").had_address && declarations("color:url(x)").had_address);
    }

    #[test]
    fn a_text_in_quotes_ends_no_element() {
        let clean = sheet("p{font-family:\"</style><script>x()</script>\"}");
        assert!(
            !clean.css.contains('<') && clean.css.contains("script"),
            "{clean:?}"
        );
    }

    #[test]
    fn two_tokens_do_not_become_one() {
        for css in ["background:url/**/(//t/x.png)", "background:u/**/rl(//t)"] {
            let rule = sheet(&format!("p{{{css}}}")).css;
            assert!(!rule.contains("url("), "{rule}");
        }
        for css in ["@/**/import '//t'{}", "@<{}", "\\\n{}", "a\\<b{}"] {
            assert_eq!(sheet(css).css, "", "{css}");
        }
        // A name that ends with an escaped space keeps it, and does not escape what follows.
        let escaped = "a\\ {color:red;}\n";
        assert_eq!(sheet(escaped).css, escaped);
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let deep = format!("p{{width:{}1{}}}", "calc(".repeat(9_000), ")".repeat(9_000));
        assert_eq!(sheet(&deep).css, "p{}\n");
        let _ = sheet(&"@media a{".repeat(9_000));
        let _ = sheet(&"(".repeat(90_000));
        let many = sheet(&"a{color:red}".repeat(STYLE_RULES * 2));
        assert!(many.css.matches("a{").count() <= STYLE_RULES + 1);
    }

    proptest! {
        #[test]
        fn no_address_is_left(
            words in prop::collection::vec((prop::sample::select(vec![
                "url(", ")", "'", "\"", "//t.example", "@import ", "@media ", "{", "}", ";", ":",
                "p", "color", "background", "\\75 rl(", "\\", "/*", "*/", "<", "</style>", "(", "[",
                "]", "image-set(", "var(", "--x", "rgb(", "!important", " ", "\n", ",", "#", "<!--",
                "src", "expression(", "@font-face", "@charset ", "\u{0}", "@", "url", "\\ ", "\\<",
                "\\\n", "-", "--", ">", "1e9", "9e99", "%", "1", "\\45 1m", ".", "+", "|", "*", "=",
                "font", "media", "!",
            ]), prop::sample::select(vec!["", "/**/"])), 0..10),
        ) {
            let words: String = words.into_iter().flat_map(<[&str; 2]>::from).collect();
            assert_any(&words);
            assert_any(&format!("color:{words}"));
            assert_any(&format!("p{{color:{words}}}"));
            assert_any(&format!("{words}{{color:red}}"));
            assert_any(&format!("@media {words}{{p{{color:red}}}}"));
        }

        #[test]
        fn no_text_is_an_address(text in any::<String>()) {
            assert_any(&text);
        }
    }
}

//! What the crate's source gives to the world: its public functions, and what implements its traits.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    GenericParam, Generics, ImplItem, Item, Signature, TraitItem, Type, UseTree, Visibility,
};

/// The source of a crate: each file's text by its path below `src`.
pub type Source = BTreeMap<String, String>;

/// Reads the files of a folder.
pub fn read(folder: &Path) -> Source {
    let mut source = Source::new();
    let mut paths = vec![folder.to_path_buf()];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder");
            paths.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else {
            let name = path.strip_prefix(folder).expect("below the folder");
            let text = fs::read_to_string(&path).expect("a source file");
            source.insert(name.to_string_lossy().into_owned(), text);
        }
    }
    source
}

/// A block of functions that all can call.
#[derive(Clone)]
pub struct Block {
    /// The trait that is implemented, if any, with its arguments.
    pub of: Option<syn::Path>,
    /// The type that has the functions; none for functions of a module.
    pub on: Option<Type>,
    pub generics: Generics,
    pub functions: Vec<Signature>,
}

/// The last name of a path, without its arguments.
fn last(path: &syn::Path) -> String {
    path.segments
        .last()
        .map_or(String::new(), |segment| segment.ident.to_string())
}

impl Block {
    /// The trait's name, or nothing.
    pub fn trait_name(&self) -> String {
        self.of.as_ref().map_or(String::new(), last)
    }

    /// The type's name; what is no path, as it is written.
    pub fn type_name(&self) -> String {
        match &self.on {
            Some(Type::Path(path)) => last(&path.path),
            Some(other) => other.to_token_stream().to_string(),
            None => String::new(),
        }
    }
}

fn public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The names that a `use` brings in.
fn used(tree: &UseTree, out: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => used(&path.tree, out),
        UseTree::Group(group) => group.items.iter().for_each(|tree| used(tree, out)),
        UseTree::Name(name) => drop(out.insert(name.ident.to_string())),
        UseTree::Rename(_) | UseTree::Glob(_) => panic!("nothing is renamed"),
    }
}

/// A file of the crate, and whether its module is public.
struct File {
    items: Vec<Item>,
    public: bool,
}

fn files(source: &Source, at: &str, folder: &str, public_module: bool, out: &mut Vec<File>) {
    let text = source.get(at).unwrap_or_else(|| panic!("no file {at}"));
    let items = syn::parse_file(text)
        .unwrap_or_else(|error| panic!("{at}: {error}"))
        .items;
    for item in &items {
        if let Item::Mod(module) = item
            && module.content.is_none()
        {
            let name = format!("{folder}{}", module.ident);
            let nested = format!("{name}/mod.rs");
            let at = if source.contains_key(&nested) {
                nested
            } else {
                format!("{name}.rs")
            };
            let public = public_module && public(&module.vis);
            files(source, &at, &format!("{name}/"), public, out);
        }
    }
    out.push(File {
        items,
        public: public_module,
    });
}

/// What a crate of this source gives to the world.
pub fn blocks(source: &Source) -> Vec<Block> {
    let mut all = Vec::new();
    files(source, "lib.rs", "", true, &mut all);

    // Names that public modules have, and the functions of public traits.
    let mut names = BTreeSet::new();
    for item in all
        .iter()
        .filter(|file| file.public)
        .flat_map(|file| &file.items)
    {
        match item {
            Item::Use(item) if public(&item.vis) => used(&item.tree, &mut names),
            Item::Struct(item) if public(&item.vis) => drop(names.insert(item.ident.to_string())),
            Item::Enum(item) if public(&item.vis) => drop(names.insert(item.ident.to_string())),
            Item::Trait(item) if public(&item.vis) => drop(names.insert(item.ident.to_string())),
            Item::Fn(item) if public(&item.vis) => drop(names.insert(item.sig.ident.to_string())),
            _ => {}
        }
    }
    let mut traits = BTreeMap::new();
    let mut hidden = BTreeSet::new();
    for item in all.iter().flat_map(|file| &file.items) {
        if let Item::Trait(item) = item {
            if !public(&item.vis) || !names.contains(&item.ident.to_string()) {
                hidden.insert(item.ident.to_string());
                continue;
            }
            let functions = item.items.iter().filter_map(|item| match item {
                TraitItem::Fn(function) => Some(function.sig.clone()),
                _ => None,
            });
            traits.insert(item.ident.to_string(), functions.collect::<Vec<_>>());
        }
    }

    let mut blocks = Vec::new();
    for file in &all {
        // A private type may have a public one's name.
        let private: Vec<_> = (file.items.iter())
            .filter_map(|item| match item {
                Item::Struct(item) if !public(&item.vis) => Some(item.ident.to_string()),
                Item::Enum(item) if !public(&item.vis) => Some(item.ident.to_string()),
                _ => None,
            })
            .collect();
        let found = file.items.iter().filter_map(|item| match item {
            Item::Fn(item) if public(&item.vis) && names.contains(&item.sig.ident.to_string()) => {
                Some(Block {
                    of: None,
                    on: None,
                    generics: Generics::default(),
                    functions: vec![item.sig.clone()],
                })
            }
            Item::Impl(block) => {
                let of = block.trait_.as_ref().map(|(path, ..)| path.clone());
                let own = block.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(item) if of.is_some() || public(&item.vis) => {
                        Some(item.sig.clone())
                    }
                    _ => None,
                });
                let functions = match of.as_ref().and_then(|of| traits.get(&last(of))) {
                    Some(functions) => functions.clone(),
                    None => own.collect(),
                };
                Some(Block {
                    of,
                    on: Some(*block.self_ty.clone()),
                    generics: block.generics.clone(),
                    functions,
                })
            }
            Item::Macro(item) if last(&item.mac.path) == "checkpoint" => item
                .ident
                .is_none()
                .then(|| checkpoint(item.mac.tokens.clone(), &traits["Checkpoint"])),
            _ => None,
        });
        blocks.extend(found.filter(|block| {
            let name = block.type_name();
            let plain = matches!(&block.on, Some(Type::Path(_)))
                && !block.generics.type_params().any(|p| p.ident == name);
            let known = !plain || names.contains(&name) && !private.contains(&name);
            known && !block.functions.is_empty() && !hidden.contains(&block.trait_name())
        }));
    }
    blocks
}

/// The block that `checkpoint!(impl[generics] for Type { fields })` makes.
fn checkpoint(tokens: TokenStream, functions: &[Signature]) -> Block {
    let mut tokens = tokens.into_iter().skip(1);
    let Some(TokenTree::Group(generics)) = tokens.next() else {
        panic!("checkpoint!(impl[generics] for ...)");
    };
    let generics = generics.stream();
    let on = tokens
        .skip(1)
        .take_while(|token| !matches!(token, TokenTree::Group(_)));
    Block {
        of: Some(syn::parse_quote!(Checkpoint)),
        on: Some(syn::parse2(on.collect()).expect("a type")),
        generics: syn::parse_quote!(<#generics>),
        functions: functions.to_vec(),
    }
}

/// All names in a source text.
pub fn names(text: &str) -> BTreeSet<String> {
    fn add(tokens: TokenStream, out: &mut BTreeSet<String>) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => drop(out.insert(ident.to_string())),
                TokenTree::Group(group) => add(group.stream(), out),
                _ => {}
            }
        }
    }
    let mut out = BTreeSet::new();
    add(text.parse().expect("Rust"), &mut out);
    out
}

/// The types that implement one of `traits`, but for a caller's own and those without a name: `F`, `&mut Z`, `[f32; N]`.
pub fn implementing(source: &Source, traits: &[&str]) -> BTreeSet<String> {
    let blocks = blocks(source).into_iter();
    let of = blocks.filter(|block| traits.contains(&block.trait_name().as_str()));
    of.map(|block| block.type_name())
        .filter(|name| name.len() > 1 && name.chars().all(char::is_alphanumeric))
        .collect()
}

/// A choice of what generic parameters stand for.
pub type Choice = &'static [(&'static str, &'static str)];

/// How functions are called that are called with nothing known of their arguments.
pub struct Instances {
    /// What each letter stands for, unless a choice says otherwise: `N` a type, `const N` a number.
    pub letters: Choice,
    /// What is written otherwise outside of the block: `R :: Input` as `<R as Response<8>>::Input`.
    pub projections: Choice,
    /// For some functions, named as in `without`, one of several choices: each is used, with each of another such list.
    pub choices: &'static [(&'static [&'static str], &'static [Choice])],
    /// What is not in the program: `Type`, `Trait`, `Trait for Type`, `Type::function`, `Trait::function` or `function`.
    pub without: &'static [&'static str],
}

impl Instances {
    /// Declares the parameters of a list of generics.
    fn declare(&self, generics: &Generics, choice: &[(&str, &str)], what: &str) -> String {
        let stands_for = |letter: String| {
            let found = choice
                .iter()
                .chain(self.letters)
                .find(|(name, _)| *name == letter);
            found
                .unwrap_or_else(|| panic!("{what}: what is {letter}?"))
                .1
        };
        let declare = |parameter: &GenericParam| match parameter {
            GenericParam::Lifetime(_) => String::new(),
            GenericParam::Type(of) => {
                format!("type {} = {}; ", of.ident, stands_for(of.ident.to_string()))
            }
            GenericParam::Const(of) => {
                let value = stands_for(format!("const {}", of.ident));
                format!(
                    "const {}: {} = {value}; ",
                    of.ident,
                    of.ty.to_token_stream()
                )
            }
        };
        generics.params.iter().map(declare).collect()
    }

    /// What the letters of a type's functions stand for, beyond the usual.
    fn choices(&self, known_as: &[&String]) -> Vec<Vec<(&str, &str)>> {
        let mut all = vec![Vec::new()];
        for (_, choices) in self
            .choices
            .iter()
            .filter(|(of, _)| of.iter().any(|of| known_as.iter().any(|it| it == of)))
        {
            let with = |one: &Vec<_>| {
                choices
                    .iter()
                    .map(|more| [one, *more].concat())
                    .collect::<Vec<_>>()
            };
            all = all.iter().flat_map(with).collect();
        }
        all
    }

    /// A program that hands each of the functions to a macro `entry_points!`.
    ///
    /// # Panics
    /// When it cannot tell how to call one, and when something is to be left out that is not there.
    pub fn program(&self, blocks: &[Block]) -> String {
        let mut out = String::from("{\n");
        let mut left_out = BTreeSet::new();
        for block in blocks {
            let (of, on) = (block.trait_name(), block.type_name());
            for function in &block.functions {
                let name = function.ident.to_string();
                let path = if on.is_empty() {
                    name.clone()
                } else {
                    format!("{on}::{name}")
                };
                let known_as = [
                    &on,
                    &of,
                    &format!("{of} for {on}"),
                    &path,
                    &format!("{of}::{name}"),
                ];
                let mut without = self
                    .without
                    .iter()
                    .filter(|out| known_as.iter().any(|it| it == *out));
                if let Some(without) = without.next() {
                    left_out.insert(without);
                    continue;
                }
                let inputs = function.inputs.to_token_stream();
                assert!(
                    !inputs.to_string().contains("impl "),
                    "{path} takes an `impl Trait`"
                );
                let as_trait = (block.of.as_ref().and_then(|of| of.segments.last()))
                    .map_or(String::new(), |of| format!(" as {}", of.to_token_stream()));
                let on_type = block.on.as_ref().map_or(String::new(), |on| {
                    format!("<{}{as_trait}>::", on.to_token_stream())
                });
                let mut call =
                    lifetimes(&format!("{on_type}{name}{}", arguments(&function.generics)));
                for (projection, written) in self.projections {
                    call = call.replace(projection, written);
                }
                for choice in &self.choices(&known_as) {
                    let declared = self.declare(&block.generics, choice, &path)
                        + &self.declare(&function.generics, choice, &path);
                    out += &format!("{{ {declared}entry_points![{call}]; }}\n");
                }
            }
        }
        let unknown: Vec<_> = self
            .without
            .iter()
            .filter(|name| !left_out.contains(name))
            .collect();
        assert!(unknown.is_empty(), "left out, but not there: {unknown:?}");
        out + "}\n"
    }
}

/// The generic arguments that a call names: not its lifetimes.
fn arguments(generics: &Generics) -> String {
    let names = generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Lifetime(_) => None,
            GenericParam::Type(of) => Some(of.ident.to_string()),
            GenericParam::Const(of) => Some(of.ident.to_string()),
        });
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("::<{}>", names.join(", "))
    }
}

/// With every lifetime `'static`.
fn lifetimes(path: &str) -> String {
    let mut out = String::new();
    let mut parts = path.split('\'');
    out += parts.next().unwrap_or_default();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        out += "'static";
        out += rest;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCES: Instances = Instances {
        letters: &[("const N", "8"), ("T", "u8")],
        projections: &[],
        choices: &[(&["Shown"], &[&[("T", "f32")], &[("T", "u32")]])],
        without: &["Shown::left_out"],
    };

    fn program(more: &str) -> String {
        let text = "mod inner;
            pub use inner::{Shown, Of, free};
            pub trait Shows { fn show(&self); fn by_default(&self) {} }
            trait Sealed { fn sealed(&self); }
            "
        .to_string();
        let inner = "pub struct Shown<T>(T);
            pub struct Of<const N: usize>;
            struct Hidden;
            pub fn free() {}
            pub fn not_exported() {}
            impl<T> Shown<T> { pub fn seen<'a, const N: usize>(&'a self) {} fn unseen() {} pub fn left_out() {} }
            impl Hidden { pub fn nowhere() {} }
            impl super::Sealed for Of<8> { fn sealed(&self) {} }
            impl<'a, const N: usize> crate::Shows for Of<N> { fn show(&self) {} }
            ";
        let source = Source::from([
            ("lib.rs".to_string(), text),
            ("inner.rs".to_string(), inner.to_string() + more),
        ]);
        INSTANCES.program(&blocks(&source))
    }

    #[test]
    fn every_public_function_is_called_with_every_choice() {
        let expected = [
            "{ entry_points![free]; }",
            "{ type T = f32; const N: usize = 8; entry_points![<Shown < T >>::seen::<N>]; }",
            "{ type T = u32; const N: usize = 8; entry_points![<Shown < T >>::seen::<N>]; }",
            "{ const N: usize = 8; entry_points![<Of < N > as Shows>::show]; }",
            "{ const N: usize = 8; entry_points![<Of < N > as Shows>::by_default]; }",
        ];
        assert_eq!(
            program("").lines().collect::<Vec<_>>(),
            [&["{"][..], &expected, &["}"]].concat()
        );
    }

    #[test]
    fn a_planted_function_and_a_planted_implementation_are_called() {
        let program =
            program("impl<T> Shown<T> { pub fn planted() {} } impl crate::Shows for Shown<u8> { }");
        for call in ["<Shown < T >>::planted", "<Shown < u8 > as Shows>::show"] {
            assert!(program.contains(call), "{program}");
        }
    }

    #[test]
    #[should_panic(expected = "Of::planted: what is U?")]
    fn what_cannot_be_called_is_reported() {
        program("impl<const N: usize> Of<N> { pub fn planted<U>() {} }");
    }

    #[test]
    #[should_panic(expected = "Of::planted takes an `impl Trait`")]
    fn what_takes_any_type_is_reported() {
        program("impl<const N: usize> Of<N> { pub fn planted(f: impl Fn()) {} }");
    }
}

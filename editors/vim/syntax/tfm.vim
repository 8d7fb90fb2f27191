" tfm.vim - .tfm model files: words, paths of weights, shapes.
if exists('b:current_syntax')
  finish
endif

syntax keyword tfmStatement assert for if then else repeat as return rename to ignore
syntax keyword tfmOperator and or not in
syntax keyword tfmConstant true false none
syntax match tfmDeclaration /^\s*\%(tfm\|model\|library\|use\|import\|checkpoint\|param\|dim\|input\|state\|weights\|weight\|block\|graph\|head\)\>/
syntax match tfmTyped /:\s*\zs\%(f32\|f16\|bf16\|f64\|[iu]\%(8\|16\|32\|64\)\|bool\|mask\|bias\|kv\|state\)\>/
syntax match tfmNamespace /\<\%(config\|generation\|modules\|tokens\|generated\|given\)\ze\./
syntax match tfmCall /\<\h\w*\ze(/
syntax match tfmArgument /\<\h\w*\ze:/
syntax match tfmNumber /\<\d\+\%(\.\d\+\)\?\%([eE][-+]\?\d\+\)\?\>/
syntax match tfmPath /@[A-Za-z0-9_.*-]*\%({[^}]*}[A-Za-z0-9_.*-]*\)*/ contains=tfmHole
syntax match tfmHole /{[^}]*}/ contained
syntax region tfmString start=/"/ skip=/\\./ end=/"/ oneline contains=tfmEscape
syntax match tfmEscape /\\["\\nt]/ contained
syntax match tfmComment /#.*$/ contains=@Spell
syntax match tfmDoc /##.*$/ contains=@Spell

highlight default link tfmStatement Statement
highlight default link tfmOperator Operator
highlight default link tfmConstant Constant
highlight default link tfmDeclaration Keyword
highlight default link tfmTyped Type
highlight default link tfmNamespace Special
highlight default link tfmCall Function
highlight default link tfmArgument Identifier
highlight default link tfmNumber Number
highlight default link tfmPath PreProc
highlight default link tfmHole Special
highlight default link tfmString String
highlight default link tfmEscape SpecialChar
highlight default link tfmComment Comment
highlight default link tfmDoc SpecialComment

let b:current_syntax = 'tfm'

/*
 * name.c
 *	  Names for partial indexes.
 *
 * table_columns_condition_hash_idx, or _key for a unique one, in at most 63
 * bytes: the words are for people, the hash of the definition's text tells two
 * indexes apart whose words are alike or were cut.  The same definition has the
 * same name wherever it is made.
 */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "indexes/indexes.h"

/* Append a word; what is no letter, digit or underscore becomes one underscore. */
static void
append_word(StringInfo out, const char *word)
{
	if (out->len > 0 && out->data[out->len - 1] != '_')
		appendStringInfoChar(out, '_');
	for (const char *p = word; *p; p++)
	{
		if (IS_HIGHBIT_SET(*p) || isalnum((unsigned char) *p))
			appendStringInfoChar(out, pg_ascii_tolower((unsigned char) *p));
		else if (out->len > 0 && out->data[out->len - 1] != '_')
			appendStringInfoChar(out, '_');
	}
}

/* What a comparison is called; equality goes without saying. */
static const char *
operator_word(Oid operator)
{
	static const char *const known[][2] = {
		{"<>", "not"}, {"<", "lt"}, {"<=", "lte"}, {">", "gt"}, {">=", "gte"},
		{"~~", "like"}, {"!~~", "not_like"}, {"~~*", "ilike"}, {"~", "regex"}, {"~*", "regex"},
		{"@>", "contains"}, {"<@", "in"}, {"&&", "overlaps"}, {"?", "has"}
	};
	char	   *name = get_opname(operator);

	for (int i = 0; name && i < lengthof(known); i++)
		if (strcmp(known[i][0], name) == 0)
			return known[i][1];
	return "";
}

/* What the words of a condition are gathered in. */
typedef struct WordsContext
{
	Oid			relid;
	StringInfo	out;
} WordsContext;

/* A constant's word: its text, if it has one. */
static void
append_constant(StringInfo out, Const *constant)
{
	Oid			output;
	bool		varlena;
	char	   *text;

	if (constant->constisnull)
	{
		append_word(out, "null");
		return;
	}
	getTypeOutputInfo(constant->consttype, &output, &varlena);
	text = OidOutputFunctionCall(output, constant->constvalue);
	append_word(out, pnstrdup(text, pg_mbcliplen(text, strlen(text), NAMEDATALEN)));
}

/* Gather the words of a condition, left to right. */
static bool
words_walker(Node *node, WordsContext *ctx)
{
	if (node == NULL || ctx->out->len > NAMEDATALEN)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			if (((Var *) node)->varattno != 0)
				append_word(ctx->out, get_attname(ctx->relid, ((Var *) node)->varattno, false));
			return false;
		case T_Const:
			append_constant(ctx->out, (Const *) node);
			return false;
		case T_OpExpr:
			if (list_length(((OpExpr *) node)->args) == 2)
			{
				words_walker(linitial(((OpExpr *) node)->args), ctx);
				append_word(ctx->out, operator_word(((OpExpr *) node)->opno));
				return words_walker(lsecond(((OpExpr *) node)->args), ctx);
			}
			break;
		case T_ScalarArrayOpExpr:
			words_walker(linitial(((ScalarArrayOpExpr *) node)->args), ctx);
			append_word(ctx->out, operator_word(((ScalarArrayOpExpr *) node)->opno));
			return words_walker(lsecond(((ScalarArrayOpExpr *) node)->args), ctx);
		case T_NullTest:
			words_walker((Node *) ((NullTest *) node)->arg, ctx);
			append_word(ctx->out, ((NullTest *) node)->nulltesttype == IS_NULL ? "null" : "not_null");
			return false;
		case T_BoolExpr:
			if (((BoolExpr *) node)->boolop == NOT_EXPR)
				append_word(ctx->out, "not");
			break;
		default:
			break;
	}
	return expression_tree_walker(node, words_walker, (void *) ctx);
}

/* Cut parts until they fit, the longest first, never inside a character. */
static char *
join_parts(char **parts, int n, int room)
{
	StringInfoData out;

	for (;;)
	{
		int			total = n - 1;
		int			longest = 0;

		for (int i = 0; i < n; i++)
		{
			total += strlen(parts[i]);
			if (strlen(parts[i]) > strlen(parts[longest]))
				longest = i;
		}
		if (total <= room)
			break;
		parts[longest] = pnstrdup(parts[longest],
								  pg_mbcliplen(parts[longest], strlen(parts[longest]), strlen(parts[longest]) - 1));
	}
	initStringInfo(&out);
	for (int i = 0; i < n; i++)
	{
		int			len = strlen(parts[i]);

		while (len > 0 && parts[i][len - 1] == '_')
			len--;
		if (len > 0)
		{
			appendBinaryStringInfo(&out, parts[i], len);
			appendStringInfoChar(&out, '_');
		}
	}
	return out.data;
}

/*
 * index_name
 *		A free name for a partial index.  columns: the names of its key columns;
 *		definition: its whole text but for the name.
 */
char *
index_name(Relation rel, List *columns, Node *condition, const char *definition, bool unique)
{
	StringInfoData words[2];
	char	   *parts[3];
	WordsContext ctx = {RelationGetRelid(rel), &words[1]};
	uint32		hash = hash_bytes((const unsigned char *) definition, strlen(definition));
	int			nest = stable_text_begin();
	ListCell   *lc;

	initStringInfo(&words[0]);
	initStringInfo(&words[1]);
	foreach(lc, columns)
		append_word(&words[0], lfirst(lc));
	words_walker(condition, &ctx);
	stable_text_end(nest);
	for (int i = 0;; i++)
	{
		char	   *suffix = i == 0 ? psprintf("%08x_%s", hash, unique ? "key" : "idx") :
			psprintf("%08x_%s%d", hash, unique ? "key" : "idx", i);
		char	   *name;

		parts[0] = RelationGetRelationName(rel);
		parts[1] = words[0].data;
		parts[2] = words[1].data;
		name = psprintf("%s%s", join_parts(parts, 3, NAMEDATALEN - 2 - strlen(suffix)), suffix);
		if (!OidIsValid(get_relname_relid(name, RelationGetNamespace(rel))))
			return name;
	}
}

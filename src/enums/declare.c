/*
 * declare.c
 *	  The declared set of an enum type: which steps lead to it.
 *
 * The steps come in this order: what an interrupted call left is finished;
 * renames; labels that are gone are dropped; what is then in the wrong order is
 * moved; new labels are added, each right behind the one that is before it in
 * the declaration.  New labels come before the drops where a drop needs one, as
 * the replacement or because no other label would be left.
 *
 * Renames need care, since the labels alone have to tell which of them are done
 * already.  Taken together they form chains and circles.  In a chain a→b→c all
 * labels but one exist: before, c is missing, and afterwards a.  As it is worked
 * off from its end, the missing one tells how far it is.  A circle has the same
 * labels before and after, so nothing in the type tells whether it is done; the
 * records do, if the same declaration was applied as the type's last.  One of
 * its values gets a label of ours in between, and that one, with the label
 * that is missing then, tells how far the circle is.
 *
 * A label that is gone while another one is new may have been renamed.  That is
 * said and never guessed.
 *
 * All this reads only, in the caller's transaction: the catalog without locks,
 * tables with ACCESS SHARE to count rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

#include "catalog.h"
#include "compat.h"
#include "enums/declare.h"
#include "enums/drop.h"
#include "enums/enums.h"

#define ASIDE_PREFIX "pg_more:renaming:"

/* --- lists of labels ---------------------------------------------------------- */

static bool
has_label(List *labels, const char *label)
{
	ListCell   *lc;

	foreach(lc, labels)
		if (strcmp(lfirst(lc), label) == 0)
			return true;
	return false;
}

/* Where a label is in a list, or -1. */
static int
label_position(List *labels, const char *label)
{
	ListCell   *lc;

	foreach(lc, labels)
		if (strcmp(lfirst(lc), label) == 0)
			return foreach_current_index(lc);
	return -1;
}

/* The labels of one list that another one has, or lacks, in the first one's order. */
static List *
labels_in(List *labels, List *others, bool in)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, labels)
		if (has_label(others, lfirst(lc)) == in)
			result = lappend(result, lfirst(lc));
	return result;
}

/* Lists of the same length. */
static bool
same_labels(List *a, List *b)
{
	for (int i = 0; i < list_length(a); i++)
		if (strcmp(list_nth(a, i), list_nth(b, i)) != 0)
			return false;
	return true;
}

/*
 * labels_text
 *		Labels as SQL literals, or quoted for a message.
 */
char *
labels_text(List *labels, bool literals)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, labels)
	{
		if (lc != list_head(labels))
			appendStringInfoString(&text, ", ");
		if (literals)
			appendStringInfoString(&text, quote_literal_cstr(lfirst(lc)));
		else
			appendStringInfo(&text, "\"%s\"", (char *) lfirst(lc));
	}
	return text.data;
}

/* --- the declaration, checked ---------------------------------------------------- */

/* The type of that name; sql_name is set in any case. */
static Oid
declared_type(const char *name, char **sql_name)
{
	List	   *names = textToQualifiedNameList(cstring_to_text(name));
	char	   *schema;
	char	   *type_name;
	Oid			type = LookupTypeNameOid(NULL, makeTypeNameFromNameList(names), true);

	if (OidIsValid(type))
	{
		require_enum_owner(type);
		*sql_name = enum_type_sql(type);
		return type;
	}
	DeconstructQualifiedName(names, &schema, &type_name);
	if (strlen(type_name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("the name \"%s\" is too long", type_name)));
	if (schema)
		(void) LookupExplicitNamespace(schema, false);
	else
		schema = get_namespace_name(QualifiedNameGetCreationNamespace(names, &type_name));
	*sql_name = quote_qualified_identifier(schema, type_name);
	return InvalidOid;
}

/* A label that a user may give to a value. */
static void
check_label(const char *label)
{
	require_free_label("labels", label);
	if (label[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a label must not be empty")));
	if (strlen(label) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the label \"%s\" is too long", label),
				 errdetail("Labels have at most %d bytes, this one has %d.", NAMEDATALEN - 1, (int) strlen(label))));
}

static List *
declared_labels(ArrayType *array)
{
	List	   *labels = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"labels\" must have one dimension")));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"labels\" must not be empty"),
				 errhint("To remove the type, use DROP TYPE.")));
	for (int i = 0; i < count; i++)
	{
		char	   *label = nulls[i] ? NULL : TextDatumGetCString(elements[i]);

		if (label == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a label must not be null")));
		check_label(label);
		if (has_label(labels, label))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("the label \"%s\" is given twice", label)));
		labels = lappend(labels, label);
	}
	return labels;
}

/* One rename, checked against those before it and against the labels. */
static List *
add_rename(List *renames, char *old, char *new, List *labels)
{
	Rename	   *rename = palloc(sizeof(Rename));
	ListCell   *lc;

	check_label(old);
	if (!has_label(labels, new))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is to be renamed to \"%s\", which is not among the labels", old, new)));
	if (strcmp(old, new) == 0)
		return renames;
	foreach(lc, renames)
		if (strcmp(((Rename *) lfirst(lc))->new, new) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("both \"%s\" and \"%s\" are to be renamed to \"%s\"", ((Rename *) lfirst(lc))->old, old, new),
					 errhint("Rename one of them, and drop the other with a replacement.")));
	rename->old = old;
	rename->new = new;
	return lappend(renames, rename);
}

/* {"old": "new", ...} */
static List *
declared_renames(Jsonb *renames, List *labels)
{
	JsonbIterator *it = JsonbIteratorInit(&renames->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	List	   *result = NIL;
	char	   *old = NULL;

	if (!JB_ROOT_IS_OBJECT(renames))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"renames\" must be a JSON object"),
				 errhint("Write {\"old label\": \"new label\"}.")));
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			old = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		if (value.type != jbvString)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the new name of \"%s\" must be a string", old)));
		result = add_rename(result, old, pnstrdup(value.val.string.val, value.val.string.len), labels);
	}
	return result;
}

/* Add a member to a JSON object that is being written. */
void
add_json_text(StringInfo json, const char *name, const char *value)
{
	appendStringInfo(json, "%s\"%s\": ", json->len > 1 ? ", " : "", name);
	if (value)
		escape_json(json, value);
	else
		appendStringInfoString(json, "null");
}

static char *
arguments_json(Declaration *declaration, Jsonb *renames)
{
	StringInfoData json;
	ListCell   *lc;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"labels\": [");
	foreach(lc, declaration->labels)
	{
		if (lc != list_head(declaration->labels))
			appendStringInfoString(&json, ", ");
		escape_json(&json, lfirst(lc));
	}
	appendStringInfo(&json, "], \"renames\": %s", JsonbToCString(NULL, &renames->root, VARSIZE(renames)));
	add_json_text(&json, "on_delete", declaration->on_delete);
	add_json_text(&json, "replacement", declaration->replacement);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/*
 * declare
 *		The declaration that the arguments of more.enum_apply make, checked.
 *
 * The type is looked up, and the caller must own it.  Raises an error for
 * labels that are NULL, empty, too long, reserved or given twice; for renames
 * that are not to declared labels; for a replacement that is none of them.
 */
Declaration *
declare(const char *name, ArrayType *labels, Jsonb *renames, const char *on_delete, const char *replacement)
{
	Declaration *declaration = palloc0(sizeof(Declaration));

	declaration->labels = declared_labels(labels);
	declaration->renames = declared_renames(renames, declaration->labels);
	declaration->on_delete = on_delete;
	declaration->replacement = replacement;
	if ((policy_from_text(on_delete) == POLICY_SET_VALUE) != (replacement != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 replacement ? errmsg("policy %s takes no replacement", on_delete) :
				 errmsg("policy %s needs a replacement", on_delete)));
	if (replacement && !has_label(declaration->labels, replacement))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the replacement \"%s\" is not among the labels", replacement)));
	declaration->type = declared_type(name, &declaration->sql_name);
	declaration->arguments = arguments_json(declaration, renames);
	return declaration;
}

/* --- the steps --------------------------------------------------------------------- */

/* What is known while the steps are made up. */
typedef struct Planning
{
	Declaration *declaration;
	bool		count;			/* rows, too */
	List	   *values;			/* of EnumValue: all, as they are in the catalog */
	List	   *now;			/* the live labels, as they are after the steps so far, */
	List	   *oids;			/* and their values; InvalidOid for those that a step adds */
	List	   *gone;			/* labels that were not declared, */
	List	   *added;			/* and declared ones that did not exist, both after the renames */
	List	   *steps;
} Planning;

static Step *
add_step(Planning *planning, StepKind kind, const char *lock)
{
	Step	   *step = palloc0(sizeof(Step));

	step->kind = kind;
	step->lock = lock;
	planning->steps = lappend(planning->steps, step);
	return step;
}

/* Add a sentence to a step's note. */
static void
add_note(Step *step, const char *note)
{
	step->note = step->note ? psprintf("%s; %s", step->note, note) : pstrdup(note);
}

/* The name of the type as a literal, to be read as a regtype. */
static char *
type_literal(Declaration *declaration)
{
	return quote_literal_cstr(declaration->sql_name);
}

#define LOCK_LABELS "the type's values; nothing that uses the type waits"
#define LOCK_ROWS "rows, a batch at a time; tables as a writer does, but for moments"
#define LOCK_MOVE "tables whose rows move: writers while they do, readers for a moment"

static void
create_step(Planning *planning)
{
	Declaration *declaration = planning->declaration;
	Step	   *step = add_step(planning, STEP_CREATE, "none");

	step->sql = psprintf("CREATE TYPE %s AS ENUM (%s);", declaration->sql_name, labels_text(declaration->labels, true));
	step->undo = psprintf("DROP TYPE %s;", declaration->sql_name);
}

static Step *
rename_step(Planning *planning, char *old, char *new)
{
	Step	   *step = add_step(planning, STEP_RENAME, LOCK_LABELS);
	const char *alter = psprintf("ALTER TYPE %s RENAME VALUE", planning->declaration->sql_name);
	int			position = label_position(planning->now, old);

	step->label = old;
	step->other = new;
	step->sql = psprintf("%s %s TO %s;", alter, quote_literal_cstr(old), quote_literal_cstr(new));
	step->undo = psprintf("%s %s TO %s;", alter, quote_literal_cstr(new), quote_literal_cstr(old));
	list_nth_cell(planning->now, position)->ptr_value = new;
	return step;
}

/* --- renames ----------------------------------------------------------------------- */

static Rename *
rename_from(List *renames, const char *old)
{
	ListCell   *lc;

	foreach(lc, renames)
		if (strcmp(((Rename *) lfirst(lc))->old, old) == 0)
			return lfirst(lc);
	return NULL;
}

static bool
is_new_name(List *renames, const char *label)
{
	ListCell   *lc;

	foreach(lc, renames)
		if (strcmp(((Rename *) lfirst(lc))->new, label) == 0)
			return true;
	return false;
}

/* The labels of a chain or circle of renames in its order, from one of them on. */
static List *
rename_chain(List *renames, char *first)
{
	List	   *chain = list_make1(first);
	Rename	   *rename = rename_from(renames, first);

	while (rename && strcmp(rename->new, first) != 0)
	{
		chain = lappend(chain, rename->new);
		rename = rename_from(renames, rename->new);
	}
	return chain;
}

/* The error for a label that is to be renamed and does not exist. */
static void
refuse_unknown(Planning *planning, const char *label)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("enum %s has no value \"%s\" that could be renamed",
					format_type_be(planning->declaration->type), label)));
}

/* A chain of renames, from where it stands. */
static void
plan_chain(Planning *planning, List *chain)
{
	int			last = list_length(chain) - 1;
	int			missing = -1;

	for (int i = 0; i <= last; i++)
	{
		if (has_label(planning->now, list_nth(chain, i)))
			continue;
		if (missing >= 0)
			refuse_unknown(planning, list_nth(chain, i == last ? missing : i));
		missing = i;
	}
	if (missing < 0 && has_label(planning->declaration->labels, linitial(chain)))
		return;					/* done, and the first label was added anew */
	if (missing < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("\"%s\" cannot be renamed to \"%s\": enum %s has both",
						(char *) list_nth(chain, last - 1), (char *) list_nth(chain, last),
						format_type_be(planning->declaration->type)),
				 errhint("To make rows of the one rows of the other, leave out the rename and give on_delete => 'set_value' with a replacement.")));
	for (int i = missing - 1; i >= 0; i--)
		rename_step(planning, list_nth(chain, i), list_nth(chain, i + 1));
}

static bool
same_json(const char *a, const char *b)
{
	return DatumGetBool(DirectFunctionCall2(jsonb_eq,
											DirectFunctionCall1(jsonb_in, CStringGetDatum(a)),
											DirectFunctionCall1(jsonb_in, CStringGetDatum(b))));
}

/*
 * is_application
 *		Is it a change by more.enum_apply with this very declaration?
 */
bool
is_application(EnumChange *change, Declaration *declaration)
{
	return strcmp(change->action, "apply") == 0 && same_json(change->arguments, declaration->arguments);
}

/* Was this very declaration applied, as the last change of the type? */
static bool
applied_before(Declaration *declaration)
{
	List	   *changes = changes_of(declaration->type);
	ListCell   *lc;

	foreach(lc, changes)
	{
		EnumChange *change = lfirst(lc);
		ListCell   *inner;

		if (change->part_of || strcmp(change->state, "undone") == 0)
			continue;
		if (!is_application(change, declaration))
			return false;
		/* its renames are one transaction: either all are parts of it, or none */
		foreach(inner, change_parts(change->id))
			if (strcmp(((EnumChange *) lfirst(inner))->action, "rename") == 0)
				return true;
		return false;
	}
	return false;
}

/*
 * The label under which a value waits while others of its circle take each
 * other's.  Not one of the reserved ones: rows hold the value, and where the
 * steps are taken by hand, others see it.
 */
static char *
aside_label(const char *label)
{
	int			room = NAMEDATALEN - 1 - strlen(ASIDE_PREFIX);

	return psprintf("%s%.*s", ASIDE_PREFIX, pg_mbcliplen(label, strlen(label), room), label);
}

/* The labels of a circle that the type lacks at the moment: none, or one if it was begun by hand. */
static int
missing_in_circle(Planning *planning, List *circle, const char *aside)
{
	int			missing = -1;
	ListCell   *lc;

	foreach(lc, circle)
	{
		if (has_label(planning->now, lfirst(lc)))
			continue;
		if (missing >= 0 || !has_label(planning->now, aside))
			refuse_unknown(planning, lfirst(lc));
		missing = foreach_current_index(lc);
	}
	return missing;
}

/* A circle of renames, from where it stands. */
static void
plan_circle(Planning *planning, List *circle)
{
	char	   *first = linitial(circle);
	char	   *aside = aside_label(first);
	int			last = list_length(circle) - 1;
	int			missing = missing_in_circle(planning, circle, aside);

	if (missing < 0 && applied_before(planning->declaration))
	{
		ereport(NOTICE,
				(errmsg("the renames of %s were done already, as this declaration was applied before", labels_text(circle, false)),
				 errhint("To rename them once more, use more.enum_rename.")));
		return;
	}
	if (missing < 0)
		add_note(rename_step(planning, first, aside),
				 "labels change places; nothing in the type tells afterwards that they did, so do it once");
	for (int i = missing > 0 ? missing - 1 : last; i > 0; i--)
		rename_step(planning, list_nth(circle, i), list_nth(circle, (i + 1) % (last + 1)));
	rename_step(planning, aside, list_nth(circle, 1));
}

static void
plan_renames(Planning *planning)
{
	List	   *renames = planning->declaration->renames;
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, renames)
	{
		char	   *old = ((Rename *) lfirst(lc))->old;

		if (!is_new_name(renames, old))
		{
			List	   *chain = rename_chain(renames, old);

			plan_chain(planning, chain);
			seen = list_concat(seen, chain);
		}
	}
	foreach(lc, renames)
	{
		char	   *old = ((Rename *) lfirst(lc))->old;

		if (!has_label(seen, old))
		{
			List	   *circle = rename_chain(renames, old);

			plan_circle(planning, circle);
			seen = list_concat(seen, circle);
		}
	}
}

/* --- rows --------------------------------------------------------------------------- */

/* The rows of a column that a drop deals with, in words. */
static char *
column_note(EnumColumn *column, int64 rows, const char *policy, const char *replacement)
{
	return psprintf("%s.%s: %s%s, %s%s", qualified_name(column->relid), quote_identifier(column->name),
					rows < 0 ? "rows that cannot be seen" : psprintf(INT64_FORMAT, rows),
					rows < 0 ? "" : rows == 1 ? " row" : " rows", policy,
					replacement ? psprintf(" %s", quote_literal_cstr(replacement)) : "");
}

/* What a label of the catalog is called after the steps so far. */
static char *
label_by_then(Planning *planning, char *label)
{
	ListCell   *lc;

	foreach(lc, planning->values)
	{
		EnumValue  *value = lfirst(lc);

		if (strcmp(value->label, label) == 0)
			for (int i = 0; i < list_length(planning->oids); i++)
				if (list_nth_oid(planning->oids, i) == value->oid)
					return list_nth(planning->now, i);
	}
	return label;
}

/* What a drop does to the rows: their number, and a note per column that has any. */
static void
count_dropped(Planning *planning, Step *step, Oid value)
{
	Oid			type = planning->declaration->type;
	ListCell   *lc;

	step->rows = 0;
	foreach(lc, enum_columns(type, false))
	{
		EnumColumn *column = lfirst(lc);
		const char *policy = NULL;
		char	   *replacement = (char *) step->replacement;
		int64		rows;

		if (column->relkind != RELKIND_RELATION && column->relkind != RELKIND_FOREIGN_TABLE)
			continue;
		rows = count_rows(column, type, value);
		if (rows == 0)
			continue;
		if (policy_from_text(step->on_delete) == POLICY_PROTECT)
			policy = column_policy(column->relid, column->attnum, &replacement);
		if (policy && replacement)
			replacement = label_by_then(planning, replacement);
		if (policy == NULL)
			policy = step->on_delete;
		add_note(step, column_note(column, rows, rows < 0 ? "left alone" : policy, replacement));
		if (rows > 0 && strcmp(policy, "keep") != 0 && strcmp(policy, "protect") != 0)
			step->rows += rows;
		if (rows > 0 && strcmp(policy, "protect") == 0)
			add_note(step, "these rows are in the way of the drop");
	}
}

/* The rows that hold a value, as far as they can be counted. */
static int64
rows_holding(Oid type, Oid value)
{
	int64		result = 0;
	ListCell   *lc;

	foreach(lc, enum_columns(type, false))
		if (((EnumColumn *) lfirst(lc))->relkind == RELKIND_RELATION)
			result += Max(count_rows(lfirst(lc), type, value), 0);
	return result;
}

/*
 * The rows of the values that have to move: all but those of the heaviest
 * sequence of labels that are in the declared order already.
 */
static int64
count_moved(Planning *planning)
{
	int			n = list_length(planning->now);
	int64	   *weight = palloc(sizeof(int64) * n);
	int64	   *best = palloc(sizeof(int64) * n);
	int64		all = 0;
	int64		kept = 0;

	for (int i = 0; i < n; i++)
	{
		int			place = label_position(planning->declaration->labels, list_nth(planning->now, i));
		Oid			value = list_nth_oid(planning->oids, i);

		weight[i] = OidIsValid(value) ? rows_holding(planning->declaration->type, value) : 0;
		all += weight[i];
		best[i] = weight[i];
		for (int j = 0; j < i; j++)
			if (label_position(planning->declaration->labels, list_nth(planning->now, j)) < place)
				best[i] = Max(best[i], best[j] + weight[i]);
		kept = Max(kept, best[i]);
	}
	return all - kept;
}

/* --- dropping, adding, moving --------------------------------------------------------- */

/* Where a label stands, for ALTER TYPE ADD VALUE. */
static char *
neighbour_sql(Planning *planning, int position)
{
	if (position > 0)
		return psprintf(" AFTER %s", quote_literal_cstr(list_nth(planning->now, position - 1)));
	if (position + 1 < list_length(planning->now))
		return psprintf(" BEFORE %s", quote_literal_cstr(list_nth(planning->now, position + 1)));
	return "";
}

/* The call of more.enum_drop for a label. */
static Step *
drop_step(Planning *planning, char *label, const char *on_delete, const char *replacement)
{
	Step	   *step = add_step(planning, STEP_DROP, LOCK_ROWS);

	step->label = label;
	step->on_delete = on_delete;
	step->replacement = replacement;
	step->rows = -1;
	step->sql = psprintf("CALL more.enum_drop(%s, %s%s%s);", type_literal(planning->declaration), quote_literal_cstr(label),
						 strcmp(on_delete, "protect") == 0 ? "" : psprintf(", on_delete => %s", quote_literal_cstr(on_delete)),
						 replacement ? psprintf(", replacement => %s", quote_literal_cstr(replacement)) : "");
	return step;
}

/* A drop that goes on with an interrupted one, under its policy. */
static Step *
resume_step(Planning *planning, EnumChange *change, char *label)
{
	char	   *on_delete = change_argument(change, "on_delete");
	Step	   *step = drop_step(planning, label, on_delete ? on_delete : "protect", change_argument(change, "replacement"));

	step->resumed = true;
	add_note(step, psprintf("goes on with change " INT64_FORMAT, change->id));
	return step;
}

static EnumValue *
value_of_oid(List *values, Oid oid)
{
	ListCell   *lc;

	foreach(lc, values)
		if (((EnumValue *) lfirst(lc))->oid == oid)
			return lfirst(lc);
	return NULL;
}

/*
 * What a drop is about in the catalog as it is before all steps.  A replacement
 * that is only added later is stood for by any other value.
 */
static void
set_drop_values(Planning *planning, Step *step, int position)
{
	int			replacement = step->replacement ? label_position(planning->now, step->replacement) : -1;

	step->value = value_of_oid(planning->values, list_nth_oid(planning->oids, position));
	if (replacement < 0)
		return;
	step->new_value = list_nth_oid(planning->oids, replacement);
	for (int i = 0; !OidIsValid(step->new_value) && i < list_length(planning->oids); i++)
		if (i != position)
			step->new_value = list_nth_oid(planning->oids, i);
	step->blind = !OidIsValid(step->new_value);
}

/* What is in the way of a drop, and the rows that it writes. */
static void
count_drop(Planning *planning, Step *step)
{
	char	   *obstacles = step->blind ? NULL :
		drop_obstacles(planning->declaration->type, step->value, step->on_delete, step->new_value);
	ListCell   *cell;

	count_dropped(planning, step, step->value->oid);
	if (obstacles)
		add_note(step, psprintf("in the way: %s", obstacles));
	if (step->rows > 0)
		add_note(step, "more.enum_undo brings back the rows, too");
	foreach(cell, list_concat(functions_mentioning(step->value->label), triggers_mentioning(step->value->label)))
		add_note(step, psprintf("perhaps %s means the value, too", (char *) lfirst(cell)));
}

static void
plan_drop(Planning *planning, char *label)
{
	Declaration *declaration = planning->declaration;
	int			position = label_position(planning->now, label);
	EnumChange *unfinished = change_find(declaration->type, "drop", label);
	Step	   *step;

	/* more.enum_drop does so, too, where the call gives no policy */
	if (unfinished && strcmp(unfinished->state, "running") == 0 && policy_from_text(declaration->on_delete) == POLICY_PROTECT)
		step = resume_step(planning, unfinished, label);
	else
		step = drop_step(planning, label, declaration->on_delete, declaration->replacement);
	if (planning->added != NIL)
		add_note(step, psprintf("possibly a rename, to %s: then say so in renames", labels_text(planning->added, false)));
	set_drop_values(planning, step, position);
	if (planning->count)
		count_drop(planning, step);
	if (policy_from_text(step->on_delete) == POLICY_KEEP)
		step->undo = psprintf("SELECT more.enum_restore(%s, %s);", type_literal(declaration), quote_literal_cstr(label));
	else
		step->undo = psprintf("ALTER TYPE %s ADD VALUE %s%s;", declaration->sql_name, quote_literal_cstr(label),
							  neighbour_sql(planning, position));
	planning->now = list_delete_nth_cell(planning->now, position);
	planning->oids = list_delete_nth_cell(planning->oids, position);
}

static void
plan_add(Planning *planning, char *label)
{
	List	   *declared = planning->declaration->labels;
	int			place = label_position(declared, label);
	int			position;
	Step	   *step = add_step(planning, STEP_ADD, LOCK_LABELS);
	ListCell   *lc;

	step->label = label;
	if (place > 0)
		step->other = list_nth(declared, place - 1);
	else if (planning->now != NIL)
		step->other = linitial(planning->now);
	step->before = place == 0;
	position = place > 0 ? label_position(planning->now, step->other) + 1 : 0;
	planning->now = list_insert_nth(planning->now, position, label);
	planning->oids = list_insert_nth_oid(planning->oids, position, InvalidOid);
	step->sql = psprintf("ALTER TYPE %s ADD VALUE %s%s;", planning->declaration->sql_name, quote_literal_cstr(label),
						 neighbour_sql(planning, position));
	step->undo = psprintf("CALL more.enum_drop(%s, %s);", type_literal(planning->declaration), quote_literal_cstr(label));
	foreach(lc, planning->values)
		if (is_retired_label(((EnumValue *) lfirst(lc))->label, label))
			add_note(step, "a value of that label is retired: more.enum_restore brings it back, in place of a new one");
}

static void
plan_reorder(Planning *planning)
{
	Declaration *declaration = planning->declaration;
	const char *call = psprintf("CALL more.enum_reorder(%s, ARRAY[", type_literal(declaration));
	Step	   *step = add_step(planning, STEP_REORDER, LOCK_MOVE);

	step->labels = labels_in(declaration->labels, planning->now, true);
	step->sql = psprintf("%s%s]);", call, labels_text(step->labels, true));
	step->undo = psprintf("%s%s]);", call, labels_text(planning->now, true));
	step->rows = planning->count ? count_moved(planning) : -1;
	planning->now = list_copy(step->labels);
	/* nothing asks for their values from here on */
	planning->oids = NIL;
	for (int i = 0; i < list_length(planning->now); i++)
		planning->oids = lappend_oid(planning->oids, InvalidOid);
}

/* Go on with drops that were interrupted after their label had been retired. */
static void
plan_unfinished(Planning *planning)
{
	ListCell   *lc;

	foreach(lc, changes_of(planning->declaration->type))
	{
		EnumChange *change = lfirst(lc);
		char	   *label = change_argument(change, "label");

		if (strcmp(change->action, "drop") != 0 || label == NULL ||
			(strcmp(change->state, "running") != 0 && strcmp(change->state, "failed") != 0) ||
			has_label(planning->now, label))
			continue;
		if (has_label(planning->declaration->labels, label))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("\"%s\" is declared while enum %s is still losing it", label,
							format_type_be(planning->declaration->type)),
					 errdetail("Change " INT64_FORMAT ", a drop, is not finished.", change->id),
					 errhint("Finish it with more.enum_drop, or take it back with more.enum_restore.")));
		resume_step(planning, change, label);
	}
}

/* Was a move interrupted?  Its number, or 0. */
static int64
unfinished_move(Planning *planning)
{
	ListCell   *lc;

	foreach(lc, changes_of(planning->declaration->type))
	{
		EnumChange *change = lfirst(lc);

		if (strcmp(change->action, "reorder") == 0 && strcmp(change->state, "running") == 0)
			return change->id;
	}
	return 0;
}

/* Move what is out of order, or finish what was interrupted. */
static void
plan_order(Planning *planning)
{
	int64		unfinished = unfinished_move(planning);

	if (!unfinished && same_labels(planning->now, labels_in(planning->declaration->labels, planning->now, true)))
		return;
	plan_reorder(planning);
	if (unfinished)
		add_note(llast(planning->steps), psprintf("goes on with change " INT64_FORMAT, unfinished));
}

/* Steps for a type that exists. */
static void
plan_changes(Planning *planning)
{
	Declaration *declaration = planning->declaration;
	bool		add_first;
	ListCell   *lc;

	planning->values = enum_values(declaration->type);
	foreach(lc, planning->values)
	{
		EnumValue  *value = lfirst(lc);

		if (value->retired || value->moving)
			continue;
		planning->now = lappend(planning->now, value->label);
		planning->oids = lappend_oid(planning->oids, value->oid);
	}
	plan_unfinished(planning);
	plan_renames(planning);
	planning->gone = labels_in(planning->now, declaration->labels, false);
	planning->added = labels_in(declaration->labels, planning->now, false);
	add_first = list_length(planning->gone) == list_length(planning->now) ||
		(declaration->replacement && has_label(planning->added, declaration->replacement));
	if (add_first)
		foreach(lc, planning->added)
			plan_add(planning, lfirst(lc));
	foreach(lc, planning->gone)
		plan_drop(planning, lfirst(lc));
	plan_order(planning);
	if (!add_first)
		foreach(lc, planning->added)
			plan_add(planning, lfirst(lc));
}

/*
 * declared_steps
 *		The steps that lead to what is declared, as a list of Step; NIL where
 *		all is so already.
 *
 * With count, the rows that a step writes are counted, which takes the right to
 * read the tables.  Raises an error for renames that cannot be done.
 */
List *
declared_steps(Declaration *declaration, bool count)
{
	Planning	planning = {.declaration = declaration, .count = count};

	if (OidIsValid(declaration->type))
		plan_changes(&planning);
	else
		create_step(&planning);
	declaration->gone = planning.gone;
	declaration->added = planning.added;
	return planning.steps;
}

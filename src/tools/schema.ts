/** `node --import tsx src/tools/schema.ts`: writes src/setup/setup.schema.json, the JSON Schema of a configuration, with each field's meaning from the comments of the source. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import * as z from 'zod';
import { setupSchema } from '../setup/schema.ts';

const SOURCE = fileURLToPath(new URL('../setup/schema.ts', import.meta.url));

interface Node {
  description?: string;
  required?: string[];
  properties?: Record<string, Node>;
}

/** The fields of `z.strictObject({...})`, or undefined where an expression is another. */
function fieldsOf(expression: ts.Expression): ts.ObjectLiteralExpression | undefined {
  if (!ts.isCallExpression(expression) || !expression.expression.getText().endsWith('strictObject')) return undefined;
  const [fields] = expression.arguments;
  return ts.isObjectLiteralExpression(fields) ? fields : undefined;
}

/** Puts the comments above fields into the schema, and asks for no field: a configuration names those that it changes. */
function describe(schema: Node, fields: ts.ObjectLiteralExpression): void {
  delete schema.required;
  for (const property of fields.properties) {
    const field = schema.properties?.[property.name?.getText() ?? ''];
    if (!ts.isPropertyAssignment(property) || field === undefined) continue;
    const comment = ts.getJSDocCommentsAndTags(property).find(ts.isJSDoc)?.comment;
    if (comment !== undefined) field.description = ts.getTextOfJSDocComment(comment)?.replaceAll(/\s+/g, ' ');
    const inner = fieldsOf(property.initializer);
    if (inner !== undefined) describe(field, inner);
  }
}

/** @throws Error where the source has no object of fields */
export function configurationSchema(): object {
  const source = ts.createSourceFile(SOURCE, readFileSync(SOURCE, 'utf8'), ts.ScriptTarget.Latest, true);
  const { $schema, ...schema } = z.toJSONSchema(setupSchema, { io: 'input' }) as Node & { $schema: string };
  const fields = source.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .map(({ initializer }) => (initializer === undefined ? undefined : fieldsOf(initializer)))
    .find((found) => found !== undefined);
  if (fields === undefined) throw new Error(`${SOURCE} has no fields`);
  describe(schema, fields);
  const title = 'A setup of negative-knowledge, or the fields of one that a configuration changes';
  return { $schema, title, ...schema, properties: { $schema: { type: 'string' }, ...schema.properties } };
}

export const schemaText = (): string => `${JSON.stringify(configurationSchema(), null, 2)}\n`;

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync('src/setup/setup.schema.json', schemaText());

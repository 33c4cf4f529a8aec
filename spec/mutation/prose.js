// A plugin of Stryker's, which loads plain JavaScript only.
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

/** Properties that hold sentences for people. */
const PROSE = new Set(['statement', 'rule', 'measure', 'label', 'meaning', 'reason', 'message']);

/** Leaves out mutants of sentences: spec/report/reference.slow.spec.ts compares each with the committed report, byte for byte. */
const prose = {
  shouldIgnore(path) {
    const { node, parent } = path;
    if (node.type === 'StringLiteral' || node.type === 'TemplateLiteral') {
      for (let at = path; at; at = at.parentPath) {
        if (at.node.type === 'ObjectProperty' && PROSE.has(at.node.key.name)) return 'prose';
        if (at.node.type === 'VariableDeclarator' && PROSE.has(at.node.id.name)) return 'prose';
        if (at.isFunction()) break;
      }
    }
    if (parent?.type === 'NewExpression' && /Error$/.test(parent.callee.name)) return 'prose';
    return undefined;
  },
};

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'prose', prose)];

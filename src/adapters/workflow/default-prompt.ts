/**
 * The prompt of a workflow whose template is blank. Each turn is a new process without memory of the ones before,
 * so every kind of turn gets the task and what is known about it, and is told how it differs from a first turn.
 */
export const DEFAULT_PROMPT = `You work on your own, without anyone to ask: decide for yourself, and do the work instead of describing it.
This is turn {{ turn.number }} of at most {{ turn.max }} in session {{ session.id }}.
{%- if session.objective_id %} It serves the objective {{ session.objective_id }}.{% endif %}
{%- if session.tracker_item_id %} It works on the ticket {{ session.tracker_item_id }}.{% endif %}

# Task

{{ task }}

# Where you are

Your workspace is {{ session.workspace_path }}. Change files only there.
{% case turn.kind -%}
{% when "first" -%}
This is the first turn: nothing of this task is done yet.
{%- when "continuation" -%}
Continue from the workspace as it is: earlier turns' changes are in it. Don't start over.
{%- when "stall_restart" -%}
The previous turn fell silent for too long and was ended. Continue from the workspace as it is: find out what is
already done, finish what is half done, and avoid what made no progress. Print progress while you work.
{%- when "interrupted" -%}
The previous turn was cut off from outside, through no fault of its own. Continue from the workspace as it is: find out
what is already done, and finish what is half done.
{%- when "stop_check" -%}
You reported done, but the checks below disagree. Fix what they found, in the workspace as it is.
{%- endcase %}
{%- if stall %}
What is known about the stall: {{ stall | json }}
{%- endif %}
{%- if guidance %}

# Guidance from the people in charge

{{ guidance }}
{%- endif %}
{%- if failed_checks.size > 0 %}

# Failed checks
{% for check in failed_checks %}
## {{ check.name }}

{{ check.output }}
{% endfor %}
{%- endif %}
{%- if continuity.size > 0 %}

# Earlier turns of this session
{% for entry in continuity %}
- Turn {{ entry.turn_number }} ({{ entry.status }}): {{ entry.summary }}
{%- endfor %}
{%- endif %}
{%- if recall.size > 0 %}

# What earlier sessions found
{% for entry in recall %}
- Session {{ entry.session_id }} ({{ entry.outcome }}): {{ entry.summary }}
{%- if entry.evidence_refs.size > 0 %} Evidence: {{ entry.evidence_refs | join: ", " }}.{% endif %}
{%- if entry.files.size > 0 %} Files: {{ entry.files | join: ", " }}.{% endif %}
{%- endfor %}
{%- endif %}
{%- if tools.size > 0 %}

# Tools of the runtime

Besides your own tools, your report can ask for these in \`tool_calls\`. They run after this turn, and the next one gets their results.
{% for tool in tools %}
- {{ tool.name }}: {{ tool.description }}
{%- endfor %}
{%- endif %}
{%- if previous_tool_calls.size > 0 %}

# Results of the tool calls you asked for
{% for call in previous_tool_calls %}
- {{ call | json | truncate: 8000 }}
{%- endfor %}
{%- endif %}

# How to report

Unless the program that started you reports for you, end this turn by writing one JSON object to the file named by the
environment variable ACE_RUNTIME_RESPONSE_FILE:

{"status": "continue" | "done" | "blocked" | "failed", "summary": "what this turn came to", "next_task": "optional", "tool_calls": [{"name": "...", "input": {}}], "evidence_refs": ["..."]}

- done: the whole task is finished and you have checked it.
- continue: there is more to do, and another turn should do it; next_task may say what.
- blocked: only a person can take it further; the summary says what you need.
- failed: the task can't be done; the summary says why.
`

import pytest
from django import forms
from django.template import Context, Template


class PoolForm(forms.Form):
    name = forms.CharField(help_text="Unique in this space.")
    description = forms.CharField(widget=forms.Textarea, required=False)
    kind = forms.ChoiceField(choices=[("static", "Static"), ("dynamic", "Dynamic")])
    where = forms.ChoiceField(widget=forms.RadioSelect, choices=[("w", "Worker"), ("s", "Server")])
    tags = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, choices=[("eu", "EU")], required=False
    )
    default = forms.BooleanField(required=False)
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["where"].descriptions = {"w": "On a machine of a pool."}

    def clean(self):
        raise forms.ValidationError("These do not fit together.")


def show(source, form):
    return Template(source).render(Context({"form": form}))


@pytest.fixture
def blank():
    return PoolForm()


@pytest.fixture
def wrong():
    return PoolForm({"name": "", "kind": "static", "where": "w"})


def test_label_belongs_to_its_control(blank):
    html = show("{% field form.name %}", blank)
    assert '<label for="id_name">Name</label>' in html
    assert 'id="id_name"' in html


def test_hint_describes_the_control(blank):
    html = show("{% field form.name %}", blank)
    assert 'aria-describedby="id_name_hint"' in html
    assert 'id="id_name_hint">Unique in this space.' in html


def test_error_describes_the_control(wrong):
    html = show("{% field form.name %}", wrong)
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_name_hint id_name_error"' in html
    assert 'id="id_name_error"' in html
    assert "This field is required." in html


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("form.description", '<textarea name="description"'),
        ("form.description", '<span class="req">optional</span>'),
        ("form.kind", 'class="select"'),
        ("form.default", '<label class="check">'),
        ('form.default kind="switch"', 'role="switch"'),
        ("form.where", '<label class="opt">'),
        ("form.where", "<span>On a machine of a pool.</span>"),
        ('form.where kind="seg"', '<div class="seg">'),
        ("form.tags", '<div class="checks">'),
        ('form.name placeholder="SQL" hx_get="/x" css="mono"', 'placeholder="SQL"'),
        ('form.name placeholder="SQL" hx_get="/x" css="mono"', 'hx-get="/x"'),
        ('form.name placeholder="SQL" hx_get="/x" css="mono"', 'class="input mono"'),
    ],
)
def test_layout_of_each_kind(blank, field, part):
    assert part in show(f"{{% field {field} %}}", blank)


def test_radios_are_a_named_group(blank):
    html = show('{% field form.where label="Where it runs" %}', blank)
    assert '<legend class="lab">Where it runs</legend>' in html


def test_hidden_field_is_only_its_input(blank):
    assert show("{% field form.revision %}", blank).strip().startswith('<input type="hidden"')


def test_errors_that_no_field_can_show_stand_in_a_callout(wrong):
    html = show("{% form_errors form %}", wrong)
    assert "These do not fit together." in html
    assert "Revision: This field is required." in html


def test_all_fields(wrong):
    html = show("{% fields form %}", wrong)
    for name in PoolForm.base_fields:
        assert f'name="{name}"' in html
